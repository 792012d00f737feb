import { toByteString } from '../../base/framed-key.js';

// The constants of XXH32 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), as signed numbers.
const P1 = 0x9e3779b1 | 0;
const P2 = 0x85ebca77 | 0;
const P3 = 0xc2b2ae3d | 0;
const P4 = 0x27d4eb2f | 0;
const P5 = 0x165667b1 | 0;

const BYTE_MAX = 255;
const ASCII_MAX = 127;

/**
 * XXH32 of a byte string, as a signed 32-bit number: V8 keeps those without allocating, which it can't do for
 * the upper half of the unsigned ones. `>>> 0` gives the number that other tools print.
 */
export function xxh32(bytes: string, seed = 0): number {
  return hash(bytes, seed, BYTE_MAX);
}

/** XXH32 of a text's UTF-8 bytes. ASCII, where text and byte string are the same, costs no extra pass. */
export function xxh32Text(text: string, seed = 0): number {
  return hash(text, seed, ASCII_MAX);
}

/**
 * Hashes characters as bytes and notes whether all of them were (`charMax`); if not, the UTF-8 form is hashed
 * instead.
 */
function hash(chars: string, seed: number, charMax: number): number {
  const end = chars.length;
  let at = 0;
  let seen = 0;
  let h: number;
  if (end >= 16) {
    let v1 = (seed + P1 + P2) | 0;
    let v2 = (seed + P2) | 0;
    let v3 = seed | 0;
    let v4 = (seed - P1) | 0;
    for (const last = end - 16; at <= last; at += 16) {
      let a = chars.charCodeAt(at);
      let b = chars.charCodeAt(at + 1);
      let c = chars.charCodeAt(at + 2);
      let d = chars.charCodeAt(at + 3);
      seen |= a | b | c | d;
      v1 = round(v1, a | (b << 8) | (c << 16) | (d << 24));
      a = chars.charCodeAt(at + 4);
      b = chars.charCodeAt(at + 5);
      c = chars.charCodeAt(at + 6);
      d = chars.charCodeAt(at + 7);
      seen |= a | b | c | d;
      v2 = round(v2, a | (b << 8) | (c << 16) | (d << 24));
      a = chars.charCodeAt(at + 8);
      b = chars.charCodeAt(at + 9);
      c = chars.charCodeAt(at + 10);
      d = chars.charCodeAt(at + 11);
      seen |= a | b | c | d;
      v3 = round(v3, a | (b << 8) | (c << 16) | (d << 24));
      a = chars.charCodeAt(at + 12);
      b = chars.charCodeAt(at + 13);
      c = chars.charCodeAt(at + 14);
      d = chars.charCodeAt(at + 15);
      seen |= a | b | c | d;
      v4 = round(v4, a | (b << 8) | (c << 16) | (d << 24));
    }
    h = (rotate(v1, 1) + rotate(v2, 7) + rotate(v3, 12) + rotate(v4, 18) + end) | 0;
  } else {
    h = (seed + P5 + end) | 0;
  }
  for (; at + 4 <= end; at += 4) {
    const a = chars.charCodeAt(at);
    const b = chars.charCodeAt(at + 1);
    const c = chars.charCodeAt(at + 2);
    const d = chars.charCodeAt(at + 3);
    seen |= a | b | c | d;
    h = Math.imul(rotate((h + Math.imul(a | (b << 8) | (c << 16) | (d << 24), P3)) | 0, 17), P4);
  }
  for (; at < end; at++) {
    const a = chars.charCodeAt(at);
    seen |= a;
    h = Math.imul(rotate((h + Math.imul(a, P5)) | 0, 11), P1);
  }
  if (seen > charMax) return hash(toByteString(chars), seed, BYTE_MAX);
  h = Math.imul(h ^ (h >>> 15), P2);
  h = Math.imul(h ^ (h >>> 13), P3);
  return h ^ (h >>> 16);
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, P2)) | 0, 13), P1);
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
