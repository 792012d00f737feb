import { describe, expect, it } from 'vitest';
import { agreementContract } from '../../testing/agreement-contract.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { Word64 } from '../hash/word64.js';
import { xxh64 } from '../hash/xxh64.js';
import { EnvoyRing } from './envoy-ring.js';
import { envoyRingHash } from './envoy-ring-hash.js';
import type { Member } from './placement.js';

const SEED = 11;

const defaults = envoyRingHash.options.parse({});
const create = (members: readonly Member[], options: object = {}) =>
  new EnvoyRing(members, envoyRingHash.options.parse(options));
const list = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `api-${i}`, weight: 1, url: `http://10.0.0.${i}:8080` }));

function hashOf(text: string): bigint {
  const hash = new Word64();
  xxh64(text, 0, hash);
  return hash.toBigInt();
}

type Point = readonly [hash: bigint, index: number];

/** The ring step by step as ring_hash_lb.cc describes it, without any thought of speed. */
function plainRing(members: readonly Member[], indexes: readonly number[]): Point[] {
  const ring: Point[] = [];
  const sum = indexes.reduce((total, index) => total + members[index]!.weight, 0);
  const shares = indexes.map((index) => members[index]!.weight / sum);
  const lightest = Math.min(1, ...shares);
  const scale = Math.min(Math.ceil(lightest * defaults.minRingSize) / lightest, defaults.maxRingSize);
  let size = 0;
  let target = 0;
  indexes.forEach((index, at) => {
    target += scale * shares[at]!;
    for (let i = 0; size < target; i++, size++) ring.push([hashOf(`10.0.0.${index}:8080_${i}`), index]);
  });
  return ring.sort(([one], [other]) => (one < other ? -1 : 1));
}

function plainRank(ring: readonly Point[], key: string): number[] {
  const hash = hashOf(key);
  const first = ring.findIndex(([point]) => point >= hash);
  const ranked = new Set<number>();
  for (let attempt = 0; attempt < ring.length; attempt++)
    ranked.add(ring[(Math.max(first, 0) + attempt) % ring.length]![1]);
  return [...ranked];
}

describe('envoyRingHash', () => {
  for (const { name, run } of agreementContract((members) => create(members))) it(name, run);

  it(`is the ring of those who can be used, with their weights, in the order of the configuration (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 30; round++) {
      const members = list(1 + random.below(20)).map((member) => ({
        ...member,
        weight: 1 + random.below(round % 3 === 0 ? 1 : 50),
      }));
      const all = members.map((_, index) => index);
      // At least half, so that Envoy does not panic.
      const usable = all.filter((index) => index % 2 === 0 || random.below(2) === 0);
      for (const indexes of [all, usable]) {
        const placement = create(members).among((index) => indexes.includes(index));
        const ring = plainRing(members, indexes);
        for (let i = 0; i < 50; i++) {
          const key = random.id().slice(0, random.below(33));
          const rank = plainRank(ring, key);
          expect([placement.owner(key), ...Array.from(placement.rank(key))]).toEqual([rank[0], ...rank]);
        }
      }
    }
  });

  it('spreads over all when fewer than half can be used, and passes over those who can not', () => {
    const members = list(10);
    const whole = create(members);
    const panicking = whole.among((index) => index < 4);
    const half = whole.among((index) => index < 5);
    let moved = 0;
    for (let i = 0; i < 500; i++) {
      const rank = Array.from(whole.rank(`user:${i}`));
      expect(Array.from(panicking.rank(`user:${i}`))).toEqual(rank.filter((index) => index < 4));
      if (half.owner(`user:${i}`) !== rank.filter((index) => index < 5)[0]) moved++;
    }
    // With half of them the ring is made anew, which moves some users of those who stayed.
    expect(moved).toBeGreaterThan(0);
  });

  it('panics at the threshold that is set, and not while 1.4 times those who can be used make up for the rest', () => {
    const members = list(10);
    const isFiltered = (options: object, usable: number): boolean => {
      const whole = create(members, options);
      const some = whole.among((index) => index < usable);
      return Array.from({ length: 500 }, (_, i) => `user:${i}`).every(
        (key) => some.owner(key) === Array.from(whole.rank(key)).find((index) => index < usable),
      );
    };
    expect(isFiltered({ panicThreshold: 0 }, 4)).toBe(false);
    expect(isFiltered({ panicThreshold: 70 }, 6)).toBe(true);
    expect(isFiltered({ panicThreshold: 70 }, 7)).toBe(false);
    expect(isFiltered({ panicThreshold: 100 }, 7)).toBe(true);
    expect(isFiltered({ panicThreshold: 100 }, 8)).toBe(false);
  });

  it('hashes an address where there is one, with its port, and ids when told so', () => {
    const key = 'user:1';
    const rank = (members: Member[], options: object = {}): number[] =>
      Array.from(create(members, options).rank(key));
    const named = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'];
    const wanted = rank(named.map((id) => ({ id, weight: 1 })));
    expect(
      rank(named.map((address, i) => ({ id: `api-${i}`, weight: 1, url: 'http://elsewhere', address }))),
    ).toEqual(wanted);
    expect(rank(named.map((_, i) => ({ id: `api-${i}`, weight: 1, url: `http://10.0.0.${i + 1}` })))).toEqual(
      wanted,
    );
    expect(
      rank(
        named.map((id) => ({ id, weight: 1, url: 'http://elsewhere' })),
        { hashKey: 'id' },
      ),
    ).toEqual(wanted);
  });

  it('leaves out whom a small ring has no point for', () => {
    const placement = create(list(4), { minRingSize: 2, maxRingSize: 2 });
    expect(placement.rank('user:1').length).toBe(2);
  });

  it('refuses what Envoy would', () => {
    const wrong = (options: object): string[] =>
      envoyRingHash.options.safeParse(options).error?.issues.map(({ message }) => message) ?? [];
    expect(wrong({ minRingSize: 20, maxRingSize: 10 })).toEqual(['must be at most `maxRingSize`.']);
    expect(wrong({ maxRingSize: 8_388_609 })).toEqual(['must be a whole number from 1 to 8388608.']);
    expect(wrong({ panicThreshold: 101 })).toEqual(['must be a whole number of percent from 0 to 100.']);
    expect(wrong({ hash: 'md5' })).toHaveLength(1);
    for (const [option, value] of Object.entries({
      minRingSize: 0,
      maxRingSize: 1.5,
      panicThreshold: -1,
      hash: 'md5',
      hashKey: 'url',
    })) {
      expect(() => envoyRingHash.create(list(2), { ...defaults, [option]: value })).toThrow(
        `\`${option}\` is ${value}: it must be`,
      );
    }
    expect(() => envoyRingHash.create(list(2), { ...defaults, minRingSize: 20, maxRingSize: 10 })).toThrow(
      '`minRingSize` is 20: it must be at most `maxRingSize`, which is 10.',
    );
    expect(() =>
      create([
        { id: 'a', weight: 2 ** 32 - 1 },
        { id: 'b', weight: 1 },
      ]),
    ).toThrow('divide them by a common factor');
    expect(() =>
      create([
        { id: 'a', weight: 1, address: 'x:1' },
        { id: 'b', weight: 1, address: 'x:1' },
      ]),
    ).toThrow('Upstreams "a" and "b" are both "x:1" to Envoy');
    expect(() => create([{ id: 'a', weight: 1, address: '' }])).toThrow(
      'Upstream "a" has an empty `address`',
    );
  });
});
