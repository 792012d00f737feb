import { describe, expect, it } from 'vitest';
import { seededRandom, shuffled } from '../../testing/seeded-random.js';
import { placementContract } from '../../testing/placement-contract.js';
import { mix32, mixPair } from '../hash/mix32.js';
import { xxh32 } from '../hash/xxh32.js';
import { idHashes } from './members.js';
import type { Member } from './placement.js';
import { rendezvous } from './rendezvous.js';
import { SlotTable } from './slot-table.js';

const SLOTS = 2 ** 16;
const create = (members: readonly Member[]) => rendezvous.create(members, { slots: SLOTS });
const list = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `api-${i}`, weight: 1 }));

describe('rendezvous', () => {
  for (const { name, run } of placementContract(create)) it(name, run);

  it('places these keys where version 0.1.0 did: another answer would move users on an update', () => {
    const members = [
      { id: 'api-1', weight: 1 },
      { id: 'api-2', weight: 2 },
      { id: 'api-3', weight: 1 },
    ];
    const placement = rendezvous.create(members, rendezvous.options.parse({}));
    const keys = ['', 'user:1', 'user:2', 'user:3', 'session:0123456789abcdef'];
    const ranks = keys.map((key) =>
      Array.from(placement.rank(key), (at) => members[at]!.id.slice(4)).join(' '),
    );
    expect(ranks).toEqual(['2 1 3', '1 2 3', '2 1 3', '2 3 1', '3 2 1']);
  });

  it('gives every slot to the member whose cost -ln(u) / weight is least', () => {
    const members = [
      { id: 'b', weight: 0.3 },
      { id: 'a', weight: 2 },
      { id: 'c', weight: 2 },
      { id: 'd', weight: 7.5 },
    ];
    const placement = new SlotTable(members, 1024);
    for (let slot = 0; slot < 1024; slot++) {
      const costs = members.map(({ id, weight }) => {
        const lot = mixPair(mix32(slot), ...idHashes(id));
        return -Math.log((lot + 2 ** 31 + 0.5) / 2 ** 32) / weight;
      });
      expect(placement.ownerOfHash(slot)).toBe(costs.indexOf(Math.min(...costs)));
    }
  });

  it('looks a key up by its XXH32', () => {
    const placement = new SlotTable(list(10), SLOTS);
    for (const key of ['', 'user:1', 'a key of more than sixteen bytes'])
      expect(placement.owner(key)).toBe(placement.ownerOfHash(xxh32(key)));
  });

  it('places two pools the same way when all weights of one are a multiple of the other', () => {
    const light = new SlotTable(list(10), SLOTS);
    const heavy = new SlotTable(
      list(10).map(({ id }) => ({ id, weight: 5 })),
      SLOTS,
    );
    for (let slot = 0; slot < SLOTS; slot++) expect(heavy.ownerOfHash(slot)).toBe(light.ownerOfHash(slot));
  });

  it('shares its slots out as evenly as independent draws would', () => {
    // The sum over members of (slots - expected)² / expected follows chi² with 99 degrees of freedom: 99 ±
    // 14.
    const counts = new Float64Array(100);
    const placement = new SlotTable(list(100), SLOTS);
    for (let slot = 0; slot < SLOTS; slot++) counts[placement.ownerOfHash(slot)]!++;
    const chi2 = counts.reduce((sum, count) => sum + (count - SLOTS / 100) ** 2 / (SLOTS / 100), 0);
    expect(chi2).toBeGreaterThan(99 - 4 * 14);
    expect(chi2).toBeLessThan(99 + 4 * 14);
  });

  it('sends the users of a member that left to all others alike', () => {
    const before = new SlotTable(list(10), SLOTS);
    const counts = new Float64Array(10);
    for (let slot = 0; slot < SLOTS; slot++)
      if (before.ownerOfHash(slot) === 3) counts[before.rankOfHash(slot)[1]!]!++;
    const expected = counts.reduce((sum, count) => sum + count) / 9;
    counts.forEach((count, index) => index === 3 || expect(Math.abs(count / expected - 1)).toBeLessThan(0.2));
  });

  it('serves pools of more than 256 upstreams, and the change from fewer', () => {
    const grown = new SlotTable(list(255), 2 ** 12).withMembers(list(300));
    const fresh = new SlotTable(list(300), 2 ** 12);
    const owners = Array.from({ length: 2 ** 12 }, (_, slot) => fresh.ownerOfHash(slot));
    expect(owners.map((_, slot) => grown.ownerOfHash(slot))).toEqual(owners);
    expect(Math.max(...owners)).toBeGreaterThan(256);
  });

  it('answers as a table made at once, after any changes and look-ups in between', () => {
    const random = seededRandom(7);
    const slots = 2 ** 10;
    const pool = Array.from({ length: 200 }, (_, at) => ({ id: `api-${at}`, weight: 1 + (at % 3) }));
    let members = pool.slice(0, 5);
    let table = new SlotTable(members, slots);
    for (let change = 0; change < 300; change++) {
      // Some changes are of one member, some of so many that the holders are not challenged but contested
      // anew.
      const many = random.below(10) === 0 ? 150 : 1 + random.below(3);
      const flipped = new Set(Array.from({ length: many }, () => pool[random.below(pool.length)]!.id));
      const ids = new Set(members.map(({ id }) => id));
      members = shuffled(
        pool.filter(({ id }) => ids.has(id) !== flipped.has(id)),
        random,
      );
      table = table.withMembers(members);
      const fresh = new SlotTable(members, slots);
      for (let look = 0; look < 100; look++) {
        const slot = random.below(slots);
        expect(table.ownerOfHash(slot), `change ${change}, slot ${slot}`).toBe(fresh.ownerOfHash(slot));
      }
    }
  });

  it('finds the best few as the whole ranking has them', () => {
    for (const weights of [[1], [1, 2, 5, 0.3]]) {
      const members = list(200).map(({ id }, at) => ({ id, weight: weights[at % weights.length]! }));
      const placement = new SlotTable(members, 1024);
      for (let slot = 0; slot < 1024; slot++) {
        const all = Array.from(placement.rankOfHash(slot));
        for (const few of [0, 1, 3, 16, 17, 500])
          expect(Array.from(placement.rankOfHash(slot, few)).slice(0, few)).toEqual(all.slice(0, few));
        expect(placement.ownerOfHash(slot)).toBe(all[0]);
      }
    }
  });

  it('stays the same object when nothing changes', () => {
    const placement = new SlotTable(list(3), SLOTS);
    expect(placement.withMembers(list(3))).toBe(placement);
  });

  it('refuses a number of slots that is not a power of two', () => {
    expect(() => new SlotTable(list(3), 1000)).toThrow(
      '`slots` is 1000: it must be a power of two from 1024 to 4194304.',
    );
    expect(rendezvous.options.safeParse({ slots: 1000 }).success).toBe(false);
    expect(rendezvous.options.safeParse({ slot: 1024 }).success).toBe(false);
  });
});
