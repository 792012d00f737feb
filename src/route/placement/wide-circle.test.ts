import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { WideCircle } from './wide-circle.js';

const SEED = 15;

function circle(hashes: readonly bigint[]): WideCircle {
  const highs = Uint32Array.from(hashes, (hash) => Number(hash >> 32n));
  const lows = Uint32Array.from(hashes, (hash) => Number(hash & 0xffffffffn));
  return new WideCircle(
    highs,
    lows,
    Uint16Array.from(hashes, (_, owner) => owner),
  );
}

describe('WideCircle', () => {
  it(`finds the first point at or after a hash, and past the last one the first (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const half = (): bigint => BigInt(random.below(2 ** 32));
    for (let round = 0; round < 60; round++) {
      // Many that differ in the lower half alone, some that meet.
      const tops = [half(), half(), 0n, 0xffffffffn];
      const hashes = Array.from({ length: 1 + random.below(100) }, () => {
        const top = random.below(2) === 0 ? tops[random.below(4)]! : half();
        return (top << 32n) | (random.below(2) === 0 ? BigInt(random.below(5)) : half());
      });
      const points = circle(hashes);
      const order = hashes
        .map((_, at) => at)
        .sort((a, b) => (hashes[a]! < hashes[b]! ? -1 : hashes[a]! > hashes[b]! ? 1 : a - b));
      expect(Array.from(points.owners)).toEqual(order);
      const wanted = [
        0n,
        2n ** 64n - 1n,
        ...hashes.flatMap((hash) => [hash, hash + 1n, hash - 1n]),
        (half() << 32n) | half(),
      ];
      for (const hash of wanted.map((value) => BigInt.asUintN(64, value))) {
        const at = order.findIndex((owner) => hashes[owner]! >= hash);
        expect(points.from(Number(hash >> 32n), Number(hash & 0xffffffffn))).toBe(Math.max(0, at));
        expect(points.from(Number(hash >> 32n) | 0, Number(hash & 0xffffffffn) | 0)).toBe(Math.max(0, at));
      }
    }
  });

  it('has no owner when it has no points', () => {
    const empty = circle([]);
    expect(empty.owners[empty.from(5, 5)]).toBeUndefined();
  });
});
