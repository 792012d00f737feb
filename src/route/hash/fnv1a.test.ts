import { describe, expect, it } from 'vitest';
import { fnv1a32, fnv1a64, fnv1a64More } from './fnv1a.js';
import { Word64 } from './word64.js';

// From the test suite of FNV's authors, http://www.isthe.com/chongo/src/fnv/test_fnv.c.
const KNOWN: [string, number, bigint][] = [
  ['', 0x811c9dc5, 0xcbf29ce484222325n],
  ['a', 0xe40c292c, 0xaf63dc4c8601ec8cn],
  ['fo', 0x6222e842, 0x08985907b541d342n],
  ['foo', 0xa9f37ed7, 0xdcb27518fed9d577n],
  ['foobar', 0xbf9cf968, 0x85944171f73967e8n],
  ['chongo was here!\n', 0xd49930d5, 0x46810940eff5f915n],
];

function slow64(bytes: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte.charCodeAt(0))) * 0x100000001b3n);
  return hash;
}

describe('FNV-1a', () => {
  it.each(KNOWN)('hashes %j as its authors do', (bytes, of32, of64) => {
    const hash = new Word64();
    fnv1a64(bytes, hash);
    expect([fnv1a32(bytes) >>> 0, hash.toBigInt()]).toEqual([of32, of64]);
  });

  it('hashes bytes of every value', () => {
    const hash = new Word64();
    let bytes = '';
    for (let i = 0; i < 512; i++) {
      bytes += String.fromCharCode((i * 151) & 255);
      fnv1a64(bytes, hash);
      expect(hash.toBigInt()).toBe(slow64(bytes));
    }
  });

  it('goes on from the hash of what stands before', () => {
    const whole = new Word64();
    const parts = new Word64();
    fnv1a64('foobar', whole);
    fnv1a64('foo', parts);
    fnv1a64More('bar', parts);
    expect(parts).toEqual(whole);
    expect(fnv1a32('bar', fnv1a32('foo'))).toBe(fnv1a32('foobar'));
  });
});
