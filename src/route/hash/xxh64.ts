import { Word64 } from './word64.js';

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

const lane = new Word64();
const lanes = [new Word64(), new Word64(), new Word64(), new Word64()] as const;

/** XXH64 of a byte string, written into `hash`. The seed is an unsigned 32-bit number. */
export function xxh64(bytes: string, seed: number, hash: Word64): void {
  const end = bytes.length;
  let at = 0;
  if (end >= 32) {
    at = stripes(bytes, seed, hash);
  } else {
    hash.set(0, seed);
    hash.add(P5_HIGH, P5_LOW);
  }
  hash.add(0, end);
  for (; at + 8 <= end; at += 8) {
    lane.set(0, 0);
    round(lane, wordAt(bytes, at + 4), wordAt(bytes, at));
    hash.xor(lane.high, lane.low);
    hash.rotate(27);
    hash.multiply(P1_HIGH, P1_LOW);
    hash.add(P4_HIGH, P4_LOW);
  }
  if (at + 4 <= end) {
    lane.set(0, wordAt(bytes, at));
    lane.multiply(P1_HIGH, P1_LOW);
    hash.xor(lane.high, lane.low);
    hash.rotate(23);
    hash.multiply(P2_HIGH, P2_LOW);
    hash.add(P3_HIGH, P3_LOW);
    at += 4;
  }
  for (; at < end; at++) {
    lane.set(0, bytes.charCodeAt(at));
    lane.multiply(P5_HIGH, P5_LOW);
    hash.xor(lane.high, lane.low);
    hash.rotate(11);
    hash.multiply(P1_HIGH, P1_LOW);
  }
  hash.xorShifted(33);
  hash.multiply(P2_HIGH, P2_LOW);
  hash.xorShifted(29);
  hash.multiply(P3_HIGH, P3_LOW);
  hash.xorShifted(32);
}

/** The 32-byte blocks, and where they end. */
function stripes(bytes: string, seed: number, hash: Word64): number {
  const [v1, v2, v3, v4] = lanes;
  v1.set(0, seed);
  v1.add(P1_HIGH, P1_LOW);
  v1.add(P2_HIGH, P2_LOW);
  v2.set(0, seed);
  v2.add(P2_HIGH, P2_LOW);
  v3.set(0, seed);
  v4.set(P1_HIGH ^ -1, P1_LOW ^ -1);
  v4.add(0, 1);
  v4.add(0, seed);
  let at = 0;
  for (const last = bytes.length - 32; at <= last; at += 32) {
    round(v1, wordAt(bytes, at + 4), wordAt(bytes, at));
    round(v2, wordAt(bytes, at + 12), wordAt(bytes, at + 8));
    round(v3, wordAt(bytes, at + 20), wordAt(bytes, at + 16));
    round(v4, wordAt(bytes, at + 28), wordAt(bytes, at + 24));
  }
  hash.set(0, 0);
  addRotated(hash, v1, 1);
  addRotated(hash, v2, 7);
  addRotated(hash, v3, 12);
  addRotated(hash, v4, 18);
  for (const lane of lanes) merge(hash, lane);
  return at;
}

function addRotated(hash: Word64, from: Word64, by: number): void {
  lane.set(from.high, from.low);
  lane.rotate(by);
  hash.add(lane.high, lane.low);
}

function merge(hash: Word64, from: Word64): void {
  lane.set(0, 0);
  round(lane, from.high, from.low);
  hash.xor(lane.high, lane.low);
  hash.multiply(P1_HIGH, P1_LOW);
  hash.add(P4_HIGH, P4_LOW);
}

const input = new Word64();

function round(into: Word64, high: number, low: number): void {
  input.set(high, low);
  input.multiply(P2_HIGH, P2_LOW);
  into.add(input.high, input.low);
  into.rotate(31);
  into.multiply(P1_HIGH, P1_LOW);
}

/** Four bytes as a little-endian number. */
function wordAt(bytes: string, at: number): number {
  return bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8) | (bytes.charCodeAt(at + 2) << 16) | (bytes.charCodeAt(at + 3) << 24);
}
