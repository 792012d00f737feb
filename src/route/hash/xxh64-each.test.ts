import { afterEach, describe, expect, it, vi } from 'vitest';
import { ALL_BYTES, SANITY, XXH64_KNOWN } from '../../../test/support/xxh64-vectors.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { greatestOf, Word64 } from './word64.js';
import { Xxh64Each } from './xxh64-each.js';
import { xxh64 } from './xxh64.js';

const SEED = Number(process.env['SEED'] ?? 64);

function digests(prefixes: readonly string[], suffix: string): string[] {
  const each = new Xxh64Each(prefixes);
  each.hash(suffix);
  return prefixes.map((_, i) => hex(each.highs[i]!, each.lows[i]!));
}

function hex(high: number, low: number): string {
  return ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16).padStart(16, '0');
}

/** By the implementation in plain numbers. */
function plain(text: string): string {
  const hash = new Word64();
  xxh64(text, 0, hash);
  return hash.toBigInt().toString(16).padStart(16, '0');
}

describe('Xxh64Each', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('runs in WebAssembly', () => {
    expect(new Xxh64Each(['10.0.0.1:80']).isCompiled).toBe(true);
  });

  it.each(XXH64_KNOWN)('hashes %s as the reference does, wherever the prefix ends', (_what, text, digest) => {
    for (let cut = 0; cut <= text.length; cut++)
      expect(digests(['', text.slice(0, cut), 'another'], text.slice(cut))[1], `${cut} bytes before`).toBe(
        digest,
      );
  });

  it(`hashes 100 000 texts of 0 to 200 bytes as plain numbers do, and finds the greatest (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const bytes = (lengthMax: number): string =>
      String.fromCharCode(...Array.from({ length: random.below(lengthMax + 1) }, () => random.below(256)));
    for (let pool = 0; pool < 100; pool++) {
      const prefixes = Array.from({ length: 20 }, () => bytes(100));
      const each = new Xxh64Each(prefixes);
      for (let i = 0; i < 50; i++) {
        const suffix = bytes(100);
        const expected = prefixes.map((prefix) => plain(prefix + suffix));
        // Before the hashes are asked for: it must not need them.
        expect(each.greatest(suffix)).toBe(expected.indexOf([...expected].sort().at(-1)!));
        each.hash(suffix);
        expect(prefixes.map((_, at) => hex(each.highs[at]!, each.lows[at]!))).toEqual(expected);
      }
    }
  });

  it('hashes prefixes and suffixes of any length', () => {
    const text = (length: number): string => ALL_BYTES.repeat(40).slice(0, length);
    const prefixes = [0, 1, 31, 32, 4095, 4096, 4097, 10_000].map(text);
    for (const length of [0, 1, 255, 256, 257, 300, 5000]) {
      expect(digests(prefixes, text(length)), `${length} bytes behind`).toEqual(
        prefixes.map((prefix) => plain(prefix + text(length))),
      );
    }
  });

  it('has room for thousands of prefixes', () => {
    const prefixes = Array.from({ length: 3000 }, (_, i) => `10.0.${i >> 8}.${i & 255}:8080`);
    expect(digests(prefixes, 'user:42')).toEqual(prefixes.map((prefix) => plain(`${prefix}user:42`)));
    expect(new Xxh64Each([]).greatest('user:42')).toBe(-1);
  });

  it('takes the first of equals', () => {
    expect(new Xxh64Each(['a', 'b', 'b', 'a']).greatest('user:42')).toBe(
      plain('auser:42') > plain('buser:42') ? 0 : 1,
    );
  });

  it('gives the same where WebAssembly is switched off', async () => {
    const prefixes = Array.from({ length: 20 }, (_, i) => `10.0.0.${i}:8080`);
    const compiled = new Xxh64Each(prefixes);
    vi.stubGlobal('WebAssembly', undefined);
    vi.resetModules();
    const without = new (await import('./xxh64-each.js')).Xxh64Each(prefixes);
    expect(without.isCompiled).toBe(false);
    for (let length = 0; length < SANITY.length; length++) {
      const suffix = SANITY.slice(0, length);
      expect(without.greatest(suffix)).toBe(compiled.greatest(suffix));
      without.hash(suffix);
      compiled.hash(suffix);
      expect([without.highs, without.lows]).toEqual([compiled.highs, compiled.lows]);
      expect(greatestOf(without.highs, without.lows)).toBe(without.greatest(suffix));
    }
  });
});
