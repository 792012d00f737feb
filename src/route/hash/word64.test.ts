import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { compareUnsigned, greatestOf, Word64 } from './word64.js';

const SEED = 4;
const EDGES = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 0xffff, 0x10000, -65536];

function* pairs(): Generator<[number, number, number, number]> {
  for (const a of EDGES)
    for (const b of EDGES) for (const c of EDGES) for (const d of EDGES) yield [a, b, c, d];
  const random = seededRandom(SEED);
  const next = (): number => random.below(2 ** 32) | 0;
  for (let i = 0; i < 2000; i++) yield [next(), next(), next(), next()];
}

function big(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function after(high: number, low: number, step: (word: Word64) => void): bigint {
  const word = new Word64();
  word.set(high, low);
  step(word);
  if ((word.high | 0) !== word.high || (word.low | 0) !== word.low)
    throw new Error('a half is not a signed 32-bit number');
  return word.toBigInt();
}

describe('Word64', () => {
  it(`adds, multiplies and compares as BigInt does (seed ${SEED})`, () => {
    for (const [a, b, c, d] of pairs()) {
      const one = big(a, b);
      const other = big(c, d);
      const results = [
        after(a, b, (word) => word.add(c, d)),
        after(a, b, (word) => word.multiply(c, d)),
        after(a, b, (word) => word.xor(c, d)),
        BigInt(Math.sign(compareUnsigned(a, b, c, d))),
      ];
      expect(results).toEqual([
        BigInt.asUintN(64, one + other),
        BigInt.asUintN(64, one * other),
        one ^ other,
        one < other ? -1n : one > other ? 1n : 0n,
      ]);
    }
  });

  it('rotates and shifts as BigInt does', () => {
    const [high, low] = [0x9e3779b1 | 0, 0x85ebca87 | 0];
    const value = big(high, low);
    for (let by = 1; by < 32; by++) {
      expect(after(high, low, (word) => word.rotate(by))).toBe(
        BigInt.asUintN(64, value << BigInt(by)) | (value >> BigInt(64 - by)),
      );
    }
    for (let by = 1; by < 64; by++)
      expect(after(high, low, (word) => word.xorShifted(by))).toBe(value ^ (value >> BigInt(by)));
  });

  it('finds the greatest of many, the first of equals', () => {
    const greatest = (...numbers: [number, number][]): number =>
      greatestOf(
        Int32Array.from(numbers, ([high]) => high),
        Int32Array.from(numbers, ([, low]) => low),
      );
    expect([greatest(), greatest([0, 0], [0, 0]), greatest([0, 0], [0, 1], [0, 1])]).toEqual([-1, -1, 1]);
    expect([greatest([1, -1], [-1, 0], [2, 5]), greatest([-1, 1], [-1, -1], [-1, 2])]).toEqual([1, 1]);
  });
});
