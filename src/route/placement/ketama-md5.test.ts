import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { agreementContract } from '../../testing/agreement-contract.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { ketamaMd5 } from './ketama-md5.js';
import { KetamaRing } from './ketama-ring.js';
import { SPELLING_NAMES, SPELLINGS } from './ketama-spelling.js';
import type { Member } from './placement.js';

const SEED = 13;

const create = (members: readonly Member[], options: object = {}) =>
  new KetamaRing(members, ketamaMd5.options.parse(options));
const list = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `10.0.0.${i}:11211`, weight: 1 }));

function pointsOf(text: string): number[] {
  const digest = createHash('md5').update(text, 'latin1').digest();
  return [0, 4, 8, 12].map((at) => digest.readUInt32LE(at));
}

type Point = readonly [hash: number, index: number];

function plainRing(names: readonly string[], counts: readonly number[], indexes: readonly number[]): Point[] {
  const ring = indexes.flatMap((index, at) =>
    Array.from({ length: counts[at]! }, (_, k) =>
      pointsOf(`${names[index]!}-${k}`).map((hash): Point => [hash, index]),
    ).flat(),
  );
  return ring.sort(([one], [other]) => one - other);
}

function from(ring: readonly Point[], hash: number): number {
  return Math.max(
    0,
    ring.findIndex(([point]) => point >= hash),
  );
}

function walk(ring: readonly Point[], key: string): number[] {
  const start = from(ring, pointsOf(key)[0]!);
  return [...new Set(ring.map((_, step) => ring[(start + step) % ring.length]![1]))];
}

/**
 * KetamaIterator of spymemcached: seven look-ups, each further on by the hash of the try's number and the
 * key.
 */
function leap(ring: readonly Point[], key: string): number[] {
  const ranked = new Set<number>();
  let hash = pointsOf(key)[0]!;
  for (let tries = 0; tries < 7; tries++) {
    ranked.add(ring[from(ring, hash)]![1]);
    hash = (hash + pointsOf(`${tries}${key}`)[0]!) % 2 ** 32;
  }
  return [...ranked];
}

describe.each(SPELLING_NAMES)('ketamaMd5 as %s spells it', (spelling) => {
  for (const { name, run } of agreementContract((members) => create(members, { spelling }))) it(name, run);

  it(`is the ring of its points, with weights and upstreams that are down (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const { nameOf, digestCounts, isRemade, leaps } = SPELLINGS[spelling];
    for (let round = 0; round < 12; round++) {
      const members = list(1 + random.below(20)).map((member) => ({
        ...member,
        weight: 1 + random.below(round % 3 === 0 ? 1 : 50),
      }));
      const all = members.map((_, index) => index);
      const usable = all.filter((index) => index === 0 || random.below(2) === 0);
      const placement = create(members, { spelling }).among((index) => usable.includes(index));
      const indexes = isRemade ? usable : all;
      const ring = plainRing(
        members.map(nameOf),
        digestCounts(indexes.map((index) => members[index]!.weight)),
        indexes,
      );
      for (let i = 0; i < 40; i++) {
        const key = random.id().slice(0, 1 + random.below(32));
        const rank = (leaps ? leap(ring, key) : walk(ring, key)).filter((index) => usable.includes(index));
        expect([placement.owner(key), ...Array.from(placement.rank(key))]).toEqual([rank[0] ?? -1, ...rank]);
      }
    }
  });
});

describe('ketamaMd5', () => {
  it('gives equal weights forty digests each, and others the share that floats make of it', () => {
    for (const spelling of SPELLING_NAMES)
      expect(SPELLINGS[spelling].digestCounts([1, 1, 1, 1])).toEqual([40, 40, 40, 40]);
    // As ketama.c and nc_ketama.c count these, compiled by gcc 12.2 on x86-64.
    const weights = [1, 6, 4, 8, 6];
    expect(SPELLINGS.libketama.digestCounts(weights)).toEqual([8, 48, 32, 64, 48]);
    expect(SPELLINGS.twemproxy.digestCounts(weights)).toEqual([7, 47, 31, 63, 47]);
    expect(SPELLINGS.spymemcached.digestCounts(weights)).toEqual([7, 47, 31, 63, 47]);
    expect(SPELLINGS.twemproxy.digestCounts([4, 1, 10, 2, 3])).toEqual([40, 10, 100, 20, 30]);
    const equal = new Array<number>(25).fill(1);
    expect(SPELLINGS.twemproxy.digestCounts(equal)).toEqual(equal.map(() => 39));
    expect(SPELLINGS.spymemcached.digestCounts(equal)).toEqual(equal.map(() => 40));
  });

  it('drops the default port of memcached where the program does', () => {
    const member = { id: 'a', weight: 1, address: 'cache:11211' };
    expect(SPELLING_NAMES.map((spelling) => SPELLINGS[spelling].nameOf(member))).toEqual([
      'cache:11211',
      'cache',
      'cache:11211',
      'cache',
    ]);
  });

  it('lets the later upstream have a point of two in spymemcached, and the earlier one elsewhere', () => {
    // Found by a search over some names; both have a point here.
    const names = ['10.2.217.1:11211', '10.3.96.1:11211'];
    const meeting = 278_023_239;
    const ring = plainRing(names, [40, 40], [0, 1]);
    expect(
      ring
        .filter(([hash]) => hash === meeting)
        .map(([, index]) => index)
        .sort(),
    ).toEqual([0, 1]);
    const before = Math.max(...ring.map(([hash]) => hash).filter((hash) => hash < meeting));
    let key = '';
    for (let i = 0; key === ''; i++) {
      const [hash] = pointsOf(`user:${i}`);
      if (hash! > before && hash! <= meeting) key = `user:${i}`;
    }
    const owner = (spelling: string): number =>
      create(
        names.map((id) => ({ id, weight: 1 })),
        { spelling },
      ).owner(key);
    expect([owner('libketama'), owner('spymemcached')]).toEqual([0, 1]);
  });

  it('gives twemproxy the first point for an empty key, as it does not hash one', () => {
    const members = list(5);
    const ring = plainRing(members.map(SPELLINGS.twemproxy.nameOf), [40, 40, 40, 40, 40], [0, 1, 2, 3, 4]);
    for (const hash of ['md5', 'fnv1a_64'])
      expect(create(members, { spelling: 'twemproxy', hash }).owner('')).toBe(ring[0]![1]);
  });

  it('ends a ranking of spymemcached after seven tries', () => {
    const placement = create(list(200), { spelling: 'spymemcached' });
    for (let i = 0; i < 100; i++) expect(placement.rank(`user:${i}`).length).toBeLessThanOrEqual(7);
  });

  it('refuses what the programs would', () => {
    const wrong = (options: object): string[] =>
      ketamaMd5.options.safeParse(options).error?.issues.map(({ message }) => message) ?? [];
    expect(wrong({ hash: 'fnv1a_64' })).toEqual(['must be `md5` unless `spelling` is `twemproxy`.']);
    expect(wrong({ spelling: 'memcached' })).toHaveLength(1);
    expect(() => new KetamaRing(list(2), { spelling: 'libketama', hash: 'fnv1a_64' })).toThrow(
      '`hash` is fnv1a_64: it must be `md5` unless',
    );
    expect(() => new KetamaRing(list(2), { spelling: 'other' as 'libketama', hash: 'md5' })).toThrow(
      'it must be one of libketama, twemproxy',
    );
    expect(() =>
      create([{ id: 'a', weight: 1, address: 'a-name-of-far-too-many-characters:11211' }]),
    ).toThrow('libketama, which takes at most 23 characters');
    expect(() =>
      create([
        { id: 'a', weight: 2 ** 31 - 1 },
        { id: 'b', weight: 1 },
      ]),
    ).toThrow('divide them by a common factor');
    const both = [
      { id: 'a', weight: 1, address: 'cache' },
      { id: 'b', weight: 1, address: 'cache:11211' },
    ];
    expect(() => create(both, { spelling: 'twemproxy' })).toThrow(
      'Upstreams "a" and "b" are both "cache" to twemproxy',
    );
    expect(create(both).members).toBe(both);
  });
});
