import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { Fnv1a64Each } from './fnv1a64-each.js';
import { fnv1a64 } from './fnv1a.js';
import { Word64 } from './word64.js';

const SEED = Number(process.env['SEED'] ?? 64);

function hashes(each: Fnv1a64Each, prefix: string): bigint[] {
  each.hash(prefix);
  return Array.from(each.highs, (high, i) => (BigInt(high >>> 0) << 32n) | BigInt(each.lows[i]! >>> 0));
}

/** Byte by byte. */
function plain(text: string): bigint {
  const hash = new Word64();
  fnv1a64(text, hash);
  return hash.toBigInt();
}

describe('Fnv1a64Each', () => {
  it('hashes as the authors of FNV do, wherever the prefix ends', () => {
    // http://www.isthe.com/chongo/src/fnv/test_fnv.c
    const text = 'chongo was here!\n';
    const each = new Fnv1a64Each(Array.from(text, (_, cut) => text.slice(cut)));
    for (let cut = 0; cut < text.length; cut++)
      expect(hashes(each, text.slice(0, cut))[cut], `${cut} bytes before`).toBe(0x46810940eff5f915n);
  });

  it(`hashes 200 000 texts of 0 to 160 bytes as byte by byte (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const bytes = (lengthMax: number): string =>
      String.fromCharCode(...Array.from({ length: random.below(lengthMax + 1) }, () => random.below(256)));
    for (let pool = 0; pool < 10; pool++) {
      const suffixes = Array.from({ length: 20 }, () => bytes(pool * 13));
      const each = new Fnv1a64Each(suffixes);
      // Enough for every lowest byte to be met, and to come again.
      for (let i = 0; i < 1000; i++) {
        const prefix = bytes(40);
        expect(hashes(each, prefix)).toEqual(suffixes.map((suffix) => plain(prefix + suffix)));
      }
    }
  });

  it('takes no suffixes, empty ones and equal ones', () => {
    expect(hashes(new Fnv1a64Each([]), 'a')).toEqual([]);
    expect(hashes(new Fnv1a64Each(['', 'b', 'b']), 'a')).toEqual([plain('a'), plain('ab'), plain('ab')]);
  });
});
