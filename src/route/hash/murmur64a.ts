import { Word64 } from './word64.js';

const MULTIPLIER_HIGH = 0xc6a4a793 | 0;
const MULTIPLIER_LOW = 0x5bd1e995;
/** What libstdc++ seeds `std::hash` with, and Envoy its MURMUR_HASH_2. */
const SEED = 0xc70f6907;

const word = new Word64();

/**
 * MurmurHash64A of a byte string (https://github.com/aappleby/smhasher), seeded as by libstdc++ and Envoy,
 * written into `hash`.
 */
export function murmur64a(bytes: string, hash: Word64): void {
  const { length } = bytes;
  hash.set(0, length);
  hash.multiply(MULTIPLIER_HIGH, MULTIPLIER_LOW);
  hash.xor(0, SEED);
  let at = 0;
  for (; at + 8 <= length; at += 8) {
    word.set(partAt(bytes, at + 4, 4), partAt(bytes, at, 4));
    word.multiply(MULTIPLIER_HIGH, MULTIPLIER_LOW);
    word.xorShifted(47);
    word.multiply(MULTIPLIER_HIGH, MULTIPLIER_LOW);
    hash.xor(word.high, word.low);
    hash.multiply(MULTIPLIER_HIGH, MULTIPLIER_LOW);
  }
  const rest = length - at;
  if (rest > 0) {
    hash.xor(partAt(bytes, at + 4, rest - 4), partAt(bytes, at, Math.min(rest, 4)));
    hash.multiply(MULTIPLIER_HIGH, MULTIPLIER_LOW);
  }
  hash.xorShifted(47);
  hash.multiply(MULTIPLIER_HIGH, MULTIPLIER_LOW);
  hash.xorShifted(47);
}

/** Up to four bytes as a little-endian number. */
function partAt(bytes: string, at: number, count: number): number {
  let part = 0;
  for (let i = 0; i < count; i++) part |= bytes.charCodeAt(at + i) << (8 * i);
  return part;
}
