import { describe, expect, it } from 'vitest';
import { agreementContract } from '../../testing/agreement-contract.js';
import { seededRandom, shuffled } from '../../testing/seeded-random.js';
import { Word64 } from '../hash/word64.js';
import { xxh64 } from '../hash/xxh64.js';
import { envoyMaglev } from './envoy-maglev.js';
import { EnvoyTable } from './envoy-table.js';
import type { Member } from './placement.js';

const SEED = 12;

const create = (members: readonly Member[], options: object = {}) =>
  new EnvoyTable(members, envoyMaglev.options.parse(options));
const list = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `api-${i}`, weight: 1, url: `http://10.0.0.${i}:8080` }));

function hashOf(text: string, seed = 0): bigint {
  const hash = new Word64();
  xxh64(text, seed, hash);
  return hash.toBigInt();
}

/** The table step by step as maglev_lb.cc describes it, without any thought of speed. */
function plainTable(members: readonly Member[], indexes: readonly number[], size: number): number[] {
  const sum = indexes.reduce((total, index) => total + members[index]!.weight, 0);
  const entries = indexes
    .map((index) => {
      const key = `10.0.0.${index}:8080`;
      return {
        key,
        index,
        weight: members[index]!.weight / sum,
        target: 0,
        next: 0n,
        offset: hashOf(key) % BigInt(size),
        skip: (hashOf(key, 1) % BigInt(size - 1)) + 1n,
      };
    })
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  const heaviest = Math.max(...entries.map(({ weight }) => weight));
  const table: number[] = [];
  let filled = 0;
  for (let iteration = 1; filled < size; iteration++) {
    for (const entry of entries) {
      if (filled === size) break;
      if (iteration * entry.weight < entry.target) continue;
      entry.target += heaviest;
      const slot = (): number => Number((entry.offset + entry.skip * entry.next) % BigInt(size));
      while (table[slot()] !== undefined) entry.next++;
      table[slot()] = entry.index;
      entry.next++;
      filled++;
    }
  }
  return table;
}

function plainRank(table: readonly number[], key: string): number[] {
  const hash = hashOf(key);
  const ranked = new Set<number>();
  const wanted = new Set(table).size;
  for (let attempt = 0n; ranked.size < wanted; attempt++) {
    ranked.add(
      table[Number((attempt === 0n ? hash : hash ^ BigInt.asUintN(64, -attempt)) % BigInt(table.length))]!,
    );
  }
  return [...ranked];
}

describe('envoyMaglev', () => {
  for (const { name, run } of agreementContract((members) => create(members, { tableSize: 1009 })))
    it(name, run);

  it(`is the table of those who can be used, with their weights (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 12; round++) {
      const size = [7, 251, 1009, 65_537][round % 4]!;
      const members = list(1 + random.below(20)).map((member) => ({
        ...member,
        weight: 1 + random.below(round % 3 === 0 ? 1 : 50),
      }));
      const all = members.map((_, index) => index);
      // At least half, so that Envoy does not panic.
      const usable = all.filter((index) => index % 2 === 0 || random.below(2) === 0);
      for (const indexes of [all, usable]) {
        const placement = create(members, { tableSize: size }).among((index) => indexes.includes(index));
        const table = plainTable(members, indexes, size);
        for (let i = 0; i < 40; i++) {
          const key = random.id().slice(0, random.below(33));
          const rank = plainRank(table, key);
          expect([placement.owner(key), ...Array.from(placement.rank(key))]).toEqual([rank[0], ...rank]);
        }
      }
    }
  });

  it(`does not depend on the order of the configuration (seed ${SEED})`, () => {
    const members = list(12);
    const reordered = shuffled(members, seededRandom(SEED));
    const [one, other] = [create(members), create(reordered)];
    for (let i = 0; i < 500; i++)
      expect(reordered[other.owner(`user:${i}`)]).toBe(members[one.owner(`user:${i}`)]);
  });

  it('spreads over all when fewer than half can be used, and passes over those who can not', () => {
    const whole = create(list(10));
    const panicking = whole.among((index) => index < 4);
    for (let i = 0; i < 500; i++) {
      const wanted = Array.from(whole.rank(`user:${i}`)).filter((index) => index < 4);
      expect([panicking.owner(`user:${i}`), ...Array.from(panicking.rank(`user:${i}`))]).toEqual([
        wanted[0],
        ...wanted,
      ]);
    }
  });

  it('refuses what Envoy would', () => {
    expect(envoyMaglev.options.safeParse({ tableSize: 65_536 }).success).toBe(false);
    expect(() => envoyMaglev.create(list(2), { ...envoyMaglev.options.parse({}), tableSize: 8 })).toThrow(
      '`tableSize` is 8: it must be a prime number from 3 to 5000011.',
    );
    expect(() => create([{ id: 'a', weight: 1.5 }])).toThrow('to agree with Envoy it must be a whole number');
  });
});
