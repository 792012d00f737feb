import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32, crc32More, crc32MoreWord } from './crc32.js';

const ALL_BYTES = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));

// The check value of the catalogue of CRCs (CRC-32/ISO-HDLC), and what HAProxy's own src/hash.c gives.
const KNOWN: [string, number][] = [
  ['', 0],
  ['123456789', 0xcbf43926],
  ['a', 0xe8b7be43],
  ['user:1', 0x7ba5c282],
  ['\u00ff\u0080\u0001', 0x0d5d4522],
  [ALL_BYTES, 0x29058c73],
];

describe('CRC-32', () => {
  it.each(KNOWN)('of %j is the known one', (bytes, sum) => {
    expect(crc32(bytes) >>> 0).toBe(sum);
    expect(zlibCrc32?.(Buffer.from(bytes, 'latin1')) ?? sum).toBe(sum);
  });

  it('goes on from the state that stands before', () => {
    expect(~crc32More('456789', crc32More('123', -1))).toBe(crc32('123456789'));
  });

  it('takes a number as its four bytes, the lowest first', () => {
    for (const word of [0, 1, -1, 0x12345678, 0x9abcdef0 | 0]) {
      const bytes = String.fromCharCode(word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24);
      expect(crc32MoreWord(word, crc32More('x', -1))).toBe(crc32More(bytes, crc32More('x', -1)));
    }
  });
});
