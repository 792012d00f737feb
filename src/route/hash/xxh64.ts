import { carryOf, productHigh, Word64 } from './word64.js';

// The constants of XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), in halves.
const P1_HIGH = 0x9e3779b1 | 0;
const P1_LOW = 0x85ebca87 | 0;
const P2_HIGH = 0xc2b2ae3d | 0;
const P2_LOW = 0x27d4eb4f | 0;
const P3_HIGH = 0x165667b1 | 0;
const P3_LOW = 0x9e3779f9 | 0;
const P4_HIGH = 0x85ebca77 | 0;
const P4_LOW = 0xc2b2ae63 | 0;
const P5_HIGH = 0x27d4eb2f | 0;
const P5_LOW = 0x165667c5 | 0;

const SCRATCH_BYTES = 4096;
const scratch = new Uint8Array(SCRATCH_BYTES);
const scratchView = new DataView(scratch.buffer);

/** XXH64 of a byte string, written into `hash`. The seed is an unsigned 32-bit number. */
export function xxh64(bytes: string, seed: number, hash: Word64): void {
  const { length } = bytes;
  if (length > SCRATCH_BYTES) {
    const copy = Buffer.from(bytes, 'latin1');
    xxh64Bytes(new DataView(copy.buffer, copy.byteOffset, length), length, seed, hash);
    return;
  }
  for (let at = 0; at < length; at++) scratch[at] = bytes.charCodeAt(at);
  xxh64Bytes(scratchView, length, seed, hash);
}

/** In plain numbers, step by step: as calls on words it takes twice as long. */
function xxh64Bytes(view: DataView, length: number, seed: number, hash: Word64): void {
  let at = 0;
  if (length >= 32) at = stripes(view, length, seed, hash);
  else {
    hash.set(P5_HIGH, P5_LOW);
    hash.add(0, seed);
  }
  hash.add(0, length);
  let { high, low } = hash;
  for (; at + 8 <= length; at += 8) {
    // acc ^= rotate(word * P2, 31) * P1, then acc = rotate(acc, 27) * P1 + P4.
    let wordLow = view.getInt32(at, true);
    let wordHigh = productHigh(view.getInt32(at + 4, true), wordLow, P2_HIGH, P2_LOW);
    wordLow = Math.imul(wordLow, P2_LOW);
    const turned = (wordHigh << 31) | (wordLow >>> 1);
    wordLow = (wordLow << 31) | (wordHigh >>> 1);
    wordHigh = productHigh(turned, wordLow, P1_HIGH, P1_LOW);
    high ^= wordHigh;
    low ^= Math.imul(wordLow, P1_LOW);
    const high27 = (high << 27) | (low >>> 5);
    const low27 = (low << 27) | (high >>> 5);
    low = (Math.imul(low27, P1_LOW) + P4_LOW) | 0;
    high = (productHigh(high27, low27, P1_HIGH, P1_LOW) + P4_HIGH + carryOf(low, P4_LOW)) | 0;
  }
  if (at + 4 <= length) {
    const word = view.getInt32(at, true);
    high ^= productHigh(0, word, P1_HIGH, P1_LOW);
    low ^= Math.imul(word, P1_LOW);
    const high23 = (high << 23) | (low >>> 9);
    const low23 = (low << 23) | (high >>> 9);
    low = (Math.imul(low23, P2_LOW) + P3_LOW) | 0;
    high = (productHigh(high23, low23, P2_HIGH, P2_LOW) + P3_HIGH + carryOf(low, P3_LOW)) | 0;
    at += 4;
  }
  for (; at < length; at++) {
    const byte = view.getUint8(at);
    high ^= productHigh(0, byte, P5_HIGH, P5_LOW);
    low ^= Math.imul(byte, P5_LOW);
    const high11 = (high << 11) | (low >>> 21);
    const low11 = (low << 11) | (high >>> 21);
    high = productHigh(high11, low11, P1_HIGH, P1_LOW);
    low = Math.imul(low11, P1_LOW);
  }
  low ^= high >>> 1;
  high = productHigh(high, low, P2_HIGH, P2_LOW);
  low = Math.imul(low, P2_LOW);
  low ^= (low >>> 29) | (high << 3);
  high ^= high >>> 29;
  high = productHigh(high, low, P3_HIGH, P3_LOW);
  hash.set(high, Math.imul(low, P3_LOW) ^ high);
}

const lanes = [new Word64(), new Word64(), new Word64(), new Word64()] as const;
const input = new Word64();

/** The whole 32-byte stripes, in four lanes that are merged into `hash`. Answers where the stripes end. */
function stripes(view: DataView, length: number, seed: number, hash: Word64): number {
  const [v1, v2, v3, v4] = lanes;
  v1.set(P1_HIGH, P1_LOW);
  v1.add(P2_HIGH, P2_LOW);
  v2.set(P2_HIGH, P2_LOW);
  v3.set(0, 0);
  // -P1: all its bits turned, and 1.
  v4.set(~P1_HIGH, ~P1_LOW);
  v4.add(0, 1);
  for (const lane of lanes) lane.add(0, seed);
  let at = 0;
  for (; at + 32 <= length; at += 32) {
    for (let i = 0; i < 4; i++)
      round(lanes[i]!, view.getInt32(at + 8 * i + 4, true), view.getInt32(at + 8 * i, true));
  }
  hash.set(0, 0);
  addRotated(hash, v1, 1);
  addRotated(hash, v2, 7);
  addRotated(hash, v3, 12);
  addRotated(hash, v4, 18);
  for (const { high, low } of lanes) merge(hash, high, low);
  return at;
}

function round(lane: Word64, high: number, low: number): void {
  input.set(high, low);
  input.multiply(P2_HIGH, P2_LOW);
  lane.add(input.high, input.low);
  lane.rotate(31);
  lane.multiply(P1_HIGH, P1_LOW);
}

function addRotated(hash: Word64, { high, low }: Word64, by: number): void {
  input.set(high, low);
  input.rotate(by);
  hash.add(input.high, input.low);
}

const merged = new Word64();

function merge(hash: Word64, high: number, low: number): void {
  merged.set(0, 0);
  round(merged, high, low);
  hash.xor(merged.high, merged.low);
  hash.multiply(P1_HIGH, P1_LOW);
  hash.add(P4_HIGH, P4_LOW);
}
