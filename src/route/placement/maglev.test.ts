import { describe, expect, it } from 'vitest';
import { placementContract } from '../../testing/placement-contract.js';
import { maglev } from './maglev.js';
import { MaglevTable } from './maglev-table.js';
import type { Member } from './placement.js';

const list = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `api-${i}`, weight: 1 }));

describe('maglev', () => {
  // What a change costs the others is Maglev's price for its evenness; the paper reports it,
  // docs/placement.md measures it.
  const cases = placementContract((members) => maglev.create(members, { tableSize: 65_537 }), {
    movedMax: 0.03,
  });
  for (const { name, run } of cases) it(name, run);

  it('places these keys where version 0.1.0 did: another answer would move users on an update', () => {
    const members = [
      { id: 'api-1', weight: 1 },
      { id: 'api-2', weight: 2 },
      { id: 'api-3', weight: 1 },
    ];
    const placement = maglev.create(members, maglev.options.parse({}));
    const keys = ['', 'user:1', 'user:2', 'user:3', 'session:0123456789abcdef'];
    const ranks = keys.map((key) =>
      Array.from(placement.rank(key), (at) => members[at]!.id.slice(4)).join(' '),
    );
    expect(ranks).toEqual(['2 1 3', '3 2 1', '2 3 1', '2 1 3', '1 2 3']);
  });

  it('gives members of equal weight the same number of entries, give or take one', () => {
    const counts = new Map<number, number>();
    const placement = new MaglevTable(list(30), 65_537);
    for (let entry = 0; entry < 65_537; entry++) {
      const index = placement.ownerOfHash(entry);
      counts.set(index, (counts.get(index) ?? 0) + 1);
    }
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
  });

  it('gives a member three times as many entries for three times the weight', () => {
    const counts = [0, 0];
    const placement = new MaglevTable(
      [
        { id: 'a', weight: 1 },
        { id: 'b', weight: 3 },
      ],
      65_537,
    );
    for (let entry = 0; entry < 65_537; entry++) counts[placement.ownerOfHash(entry)]!++;
    expect(counts[1]! / counts[0]!).toBeCloseTo(3, 2);
  });

  it('ranks a member that is too light for an entry last', () => {
    const placement = new MaglevTable(
      [
        { id: 'a', weight: 0.001 },
        { id: 'b', weight: 1000 },
      ],
      11,
    );
    expect(Array.from(placement.rank('user:1'))).toEqual([1, 0]);
  });

  it('refuses a table that is not prime or too small', () => {
    expect(() => new MaglevTable(list(3), 65_536)).toThrow(
      '`tableSize` is 65536: it must be a prime number from 3 to 5000011.',
    );
    expect(() => new MaglevTable(list(12), 11)).toThrow('too small for 12 upstreams');
    expect(maglev.options.safeParse({ tableSize: 9 }).success).toBe(false);
    expect(maglev.options.parse({ tableSize: 5_000_011 })).toEqual({ tableSize: 5_000_011 });
  });
});
