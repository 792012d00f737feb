import assert from 'node:assert/strict';
import type { Member, Placement } from '../route/placement/placement.js';
import type { ContractCase } from './contract-case.js';
import { seededRandom, shuffled } from './seeded-random.js';

export interface PlacementPromises {
  /** The largest share of keys of members that stayed which one change may move. 0 unless said otherwise. */
  readonly movedMax?: number;
  /**
   * How far a member's share of the keys may be from its weight's share, as a part of that. 0.15 unless said
   * otherwise.
   */
  readonly shareTolerance?: number;
  readonly seed?: number;
}

const KEYS = 20_000;

/**
 * What every placement keeps, as cases for any test runner. `create` makes the placement over the members
 * given.
 */
export function placementContract(
  create: (members: readonly Member[]) => Placement,
  { movedMax = 0, shareTolerance = 0.15, seed = 1 }: PlacementPromises = {},
): ContractCase[] {
  const random = seededRandom(seed);
  const keys = Array.from({ length: KEYS }, () => random.id());
  const ten = members(10);
  const weighted = ten.map(({ id }, i) => ({ id, weight: 1 + (i % 3) }));

  const ownerId = (placement: Placement, key: string): string => placement.members[placement.owner(key)]!.id;
  const rankIds = (placement: Placement, key: string): string[] =>
    Array.from(placement.rank(key), (index) => placement.members[index]!.id);
  const sample = keys.slice(0, 200);

  /** Asserts that whoever changed owner did it because of `changed`. */
  const assertMovedOnlyBy = (before: Placement, after: Placement, changed: string): void => {
    let needless = 0;
    for (const key of keys) {
      const from = ownerId(before, key);
      const to = ownerId(after, key);
      if (from !== to && from !== changed && to !== changed) needless++;
    }
    assert.ok(
      needless <= movedMax * KEYS,
      `${needless} of ${KEYS} keys moved between members that did not change (seed ${seed})`,
    );
  };

  const assertSame = (one: Placement, other: Placement): void => {
    for (const key of sample) assert.deepEqual(rankIds(one, key), rankIds(other, key));
    for (const key of keys) assert.equal(ownerId(one, key), ownerId(other, key));
  };

  const both: [string, Member[]][] = [
    ['equal weights', ten],
    ['unequal weights', weighted],
  ];
  return [
    {
      name: 'without members there is no owner and nothing to rank',
      run() {
        for (const empty of [create([]), create(ten).withMembers([])]) {
          assert.equal(empty.owner('k'), -1);
          assert.equal(empty.rank('k').length, 0);
          assert.equal(ownerId(empty.withMembers(ten), 'k'), ownerId(create(ten), 'k'));
        }
      },
    },
    {
      name: 'a single member owns every key: empty, long, and of any bytes',
      run() {
        const one = create(members(1));
        for (const key of ['', 'x'.repeat(10_000), '\u0000\u00ff\u0080', ...sample]) {
          assert.equal(one.owner(key), 0);
          assert.deepEqual(Array.from(one.rank(key)), [0]);
        }
      },
    },
    {
      name: 'members are kept as given, and indexes count in that order',
      run() {
        assert.deepEqual(create(weighted).members, weighted);
        assert.deepEqual(create(ten).withMembers(weighted).members, weighted);
      },
    },
    ...both.flatMap(([which, list]): ContractCase[] => [
      {
        name: `a key ranks every member once, its owner first (${which})`,
        run() {
          const placement = create(list);
          for (const key of ['', ...sample]) {
            const rank = Array.from(placement.rank(key));
            assert.equal(rank[0], placement.owner(key));
            assert.deepEqual(
              [...rank].sort((a, b) => a - b),
              list.map((_, index) => index),
            );
          }
        },
      },
      {
        name: `the order of the members does not matter (${which})`,
        run() {
          const placement = create(list);
          const reordered = shuffled(list, random);
          assertSame(create(reordered), placement);
          assertSame(placement.withMembers(reordered), placement);
        },
      },
      {
        name: `removing a member moves only its own keys (${which})`,
        run() {
          for (const { id } of list) {
            const before = create(list);
            assertMovedOnlyBy(before, before.withMembers(list.filter((member) => member.id !== id)), id);
          }
        },
      },
      {
        name: `adding a member moves keys only to it (${which})`,
        run() {
          const before = create(list);
          assertMovedOnlyBy(before, before.withMembers([{ id: 'newcomer', weight: 2 }, ...list]), 'newcomer');
        },
      },
      {
        name: `a changed weight moves keys only to or from its member (${which})`,
        run() {
          const before = create(list);
          for (const weight of [0.5, 3.25]) {
            const changed = list.map((member, i) => (i === 4 ? { id: member.id, weight } : member));
            assertMovedOnlyBy(before, before.withMembers(changed), list[4]!.id);
          }
        },
      },
      {
        name: `every member gets keys by its weight (${which})`,
        run() {
          const placement = create(list);
          const counts = new Float64Array(list.length);
          for (const key of keys) counts[placement.owner(key)]!++;
          const total = list.reduce((sum, { weight }) => sum + weight, 0);
          list.forEach(({ id, weight }, index) => {
            const ratio = counts[index]! / KEYS / (weight / total);
            assert.ok(
              Math.abs(ratio - 1) <= shareTolerance,
              `${id} got ${ratio.toFixed(3)} times its share (seed ${seed})`,
            );
          });
        },
      },
    ]),
    {
      name: 'changed members give what a new placement over them gives, by any way there',
      run() {
        let walked = create(ten);
        let list: Member[] = ten;
        for (let step = 0; step < 12; step++) {
          const others = list.filter(() => random.below(4) > 0);
          const fresh = { id: `step-${step}`, weight: 1 + random.below(3) };
          const reweighed = others.map((member) =>
            random.below(5) === 0 ? { id: member.id, weight: 1 + random.below(4) } : member,
          );
          list = shuffled([...reweighed, fresh], random);
          walked = walked.withMembers(list);
        }
        assertSame(walked, create(list));
      },
    },
    {
      name: 'a placement stays as it was when another is made from it',
      run() {
        const placement = create(ten);
        const before = keys.map((key) => placement.owner(key));
        placement.withMembers(ten.slice(3));
        placement.withMembers(weighted);
        assert.deepEqual(
          keys.map((key) => placement.owner(key)),
          before,
        );
      },
    },
    ...(movedMax > 0
      ? []
      : [
          {
            name: 'removing a member leaves the order of the others as it was',
            run() {
              const before = create(weighted);
              const after = before.withMembers(weighted.slice(1));
              for (const key of sample) {
                assert.deepEqual(
                  rankIds(after, key),
                  rankIds(before, key).filter((id) => id !== weighted[0]!.id),
                );
              }
            },
          },
        ]),
  ];
}

function members(count: number): Member[] {
  return Array.from({ length: count }, (_, i) => ({ id: `api-${i + 1}`, weight: 1 }));
}
