import { describe, expect, it } from 'vitest';
import { ALL_BYTES, PRIME, SANITY, XXH64_KNOWN } from '../../../test/support/xxh64-vectors.js';
import { Word64 } from './word64.js';
import { xxh64 } from './xxh64.js';

describe('xxh64', () => {
  it.each(XXH64_KNOWN)('hashes %s as the reference does', (_what, bytes, unseeded, one, prime) => {
    const hash = new Word64();
    const digest = (seed: number): string => {
      xxh64(bytes, seed, hash);
      return hash.toBigInt().toString(16).padStart(16, '0');
    };
    expect([digest(0), digest(1), digest(PRIME)]).toEqual([unseeded, one, prime]);
  });

  it('hashes what Envoy checks as Envoy does', () => {
    // test/common/common/hash_test.cc
    const known: [string, bigint][] = [
      ['foo', 3728699739546630719n],
      ['bar', 5234164152756840025n],
      ['foo\nbar', 8917841378505826757n],
      ['lyft', 4400747396090729504n],
      ['', 17241709254077376921n],
    ];
    const hash = new Word64();
    for (const [text, digest] of known) {
      xxh64(text, 0, hash);
      expect(hash.toBigInt()).toBe(digest);
    }
  });

  it('gives the same however often the word was used before', () => {
    const used = new Word64();
    for (let length = 0; length < 100; length++) {
      const fresh = new Word64();
      xxh64(SANITY.slice(0, length), 7, used);
      xxh64(SANITY.slice(0, length), 7, fresh);
      expect(used).toEqual(fresh);
    }
  });

  it('hashes long texts', () => {
    const hash = new Word64();
    xxh64(ALL_BYTES.repeat(40).slice(0, 10_000), 1, hash);
    // xxhash 4.0.1 for Python: xxhash.xxh64_hexdigest((bytes(range(256)) * 40)[:10000], 1)
    expect(hash.toBigInt().toString(16)).toBe('76f6fe3bb48d1d5b');
  });
});
