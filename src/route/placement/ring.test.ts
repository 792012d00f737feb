import { describe, expect, it } from 'vitest';
import { placementContract } from '../../testing/placement-contract.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { mix32, mixPair } from '../hash/mix32.js';
import { idHashes } from './members.js';
import type { Member } from './placement.js';
import { PointRing } from './point-ring.js';
import { ring } from './ring.js';

const list = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `api-${i}`, weight: 1 }));

describe('ring', () => {
  for (const { name, run } of placementContract((members) => ring.create(members, { points: 1000 })))
    it(name, run);

  it('places these keys where version 0.1.0 did: another answer would move users on an update', () => {
    const members = [
      { id: 'api-1', weight: 1 },
      { id: 'api-2', weight: 2 },
      { id: 'api-3', weight: 1 },
    ];
    const placement = ring.create(members, ring.options.parse({}));
    const keys = ['', 'user:1', 'user:2', 'user:3', 'session:0123456789abcdef'];
    const ranks = keys.map((key) =>
      Array.from(placement.rank(key), (at) => members[at]!.id.slice(4)).join(' '),
    );
    expect(ranks).toEqual(['3 2 1', '3 1 2', '1 2 3', '1 2 3', '1 3 2']);
  });

  it('finds the first point at or after the hash, and past the last one the first', () => {
    const members = [
      { id: 'a', weight: 1 },
      { id: 'b', weight: 2.5 },
    ];
    const points = members
      .flatMap(({ id, weight }, index) =>
        Array.from({ length: 4 * weight }, (_, i) => ({
          index,
          hash: mixPair(mix32(i + 1), ...idHashes(id)),
        })),
      )
      .sort((one, other) => one.hash - other.hash);
    const placement = new PointRing(members, 4);
    const random = seededRandom(3);
    const hashes = points.flatMap(({ hash }) => [hash - 1, hash, hash + 1]);
    for (let i = 0; i < 1000; i++) hashes.push(random.below(2 ** 32) | 0);
    for (const hash of [...hashes, -(2 ** 31), 2 ** 31 - 1]) {
      const first = points.find((point) => point.hash >= hash) ?? points[0]!;
      expect(placement.ownerOfHash(hash)).toBe(first.index);
    }
  });

  it('gives a very light member one point, so that it can be reached', () => {
    const placement = new PointRing(
      [
        { id: 'a', weight: 1 },
        { id: 'b', weight: 0.0001 },
      ],
      100,
    );
    expect(Array.from(placement.rank('user:1')).sort()).toEqual([0, 1]);
  });

  it('refuses more points than it can hold', () => {
    expect(() => new PointRing([{ id: 'a', weight: 1e6 }], 1000)).toThrow('lower `points` or the weights');
    expect(() => new PointRing(list(2), 0)).toThrow(
      '`points` is 0: it must be a whole number from 1 to 10000.',
    );
    expect(ring.options.safeParse({ points: 1.5 }).success).toBe(false);
  });
});
