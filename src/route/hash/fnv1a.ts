import type { Word64 } from './word64.js';

// Offset basis and prime: http://www.isthe.com/chongo/tech/comp/fnv/.
const BASIS_32 = 0x811c9dc5 | 0;
const PRIME_32 = 0x01000193;
const BASIS_64_HIGH = 0xcbf29ce4 | 0;
const BASIS_64_LOW = 0x84222325 | 0;
// The 64-bit prime is 2^40 + 2^8 + 0xb3, here as halves.
const PRIME_64_HIGH = 0x100;
const PRIME_64_LOW = 0x1b3;
export const FNV_PRIME_64 = { high: PRIME_64_HIGH, low: PRIME_64_LOW };

/**
 * FNV-1a of 32 bits of a byte string, as a signed number. `from`: the hash of what stands before it, to go on
 * from.
 */
export function fnv1a32(bytes: string, from = BASIS_32): number {
  let hash = from;
  for (let at = 0; at < bytes.length; at++) hash = fnv1a32Step(hash, bytes.charCodeAt(at));
  return hash;
}

/** One byte more. */
export function fnv1a32Step(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, PRIME_32);
}

/** FNV-1a of 64 bits of a byte string, written into `hash`. */
export function fnv1a64(bytes: string, hash: Word64): void {
  hash.set(BASIS_64_HIGH, BASIS_64_LOW);
  fnv1a64More(bytes, hash);
}

/** Goes on from what is in `hash`, the FNV-1a of the bytes before these. */
export function fnv1a64More(bytes: string, hash: Word64): void {
  let { high, low } = hash;
  for (let at = 0; at < bytes.length; at++) {
    low ^= bytes.charCodeAt(at);
    high = nextHigh(high, low);
    low = Math.imul(low, PRIME_64_LOW);
  }
  hash.set(high, low);
}

/**
 * The high half of the product with the prime. Its low half has 9 bits, so the products with 16 bits of the
 * hash are exact.
 */
function nextHigh(high: number, low: number): number {
  const carried =
    (Math.imul(low >>> 16, PRIME_64_LOW) + (Math.imul(low & 0xffff, PRIME_64_LOW) >>> 16)) >>> 16;
  return (Math.imul(high, PRIME_64_LOW) + Math.imul(low, PRIME_64_HIGH) + carried) | 0;
}

/**
 * What twemproxy calls `fnv1a_64`: the lower half alone. Bytes above 127 count as negative, as C's `char`
 * does on x86-64.
 */
export function fnv1a64Twemproxy(bytes: string): number {
  let hash = BASIS_64_LOW;
  for (let at = 0; at < bytes.length; at++)
    hash = Math.imul(hash ^ ((bytes.charCodeAt(at) << 24) >> 24), PRIME_64_LOW);
  return hash;
}
