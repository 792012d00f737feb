import { describe, expect, it } from 'vitest';
import { agreementContract } from '../../testing/agreement-contract.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { goLog } from '../hash/go-log.js';
import type { Member } from './placement.js';
import { TraefikContest } from './traefik-contest.js';
import { traefikHrw } from './traefik-hrw.js';

const SEED = 14;

const list = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `api-${i}`, weight: 1, url: `http://10.0.0.${i}:8080` }));

/** getNodeScore of hrw.go, without any thought of speed. */
function plainScore(key: string, { url, weight }: Member): number {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(key + url!, 'latin1'))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return (1 / -goLog(Number(hash) / 2 ** 64)) * weight;
}

describe('traefikHrw', () => {
  for (const { name, run } of agreementContract((members) => traefikHrw.create(members, {}))) it(name, run);

  it(`is the highest score of weight and hash, and those behind it in order (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 40; round++) {
      const members = list(1 + random.below(40)).map((member) => ({
        ...member,
        weight: 1 + random.below(round % 3 === 0 ? 1 : 50),
      }));
      const placement = new TraefikContest(members);
      for (let i = 0; i < 50; i++) {
        const key = random.id().slice(0, random.below(33));
        const scores = members.map((member) => plainScore(key, member));
        const rank = members.map((_, index) => index).sort((a, b) => scores[b]! - scores[a]!);
        expect([placement.owner(key), ...Array.from(placement.rank(key))]).toEqual([rank[0], ...rank]);
      }
    }
  });

  it('hashes the address where there is one, else the URL, else the id, as it is written', () => {
    const rank = (members: Member[]): number[] => Array.from(new TraefikContest(members).rank('10.1.2.3'));
    const urls = ['http://a', 'http://b:80/', 'https://c/path'];
    const wanted = rank(urls.map((id) => ({ id, weight: 1 })));
    expect(rank(urls.map((url, i) => ({ id: `api-${i}`, weight: 1, url })))).toEqual(wanted);
    expect(
      rank(urls.map((address, i) => ({ id: `api-${i}`, weight: 1, url: 'http://elsewhere', address }))),
    ).toEqual(wanted);
  });

  it('takes one URL that begins another, and URLs of any text', () => {
    const members = ['http://a', 'http://a:1', 'http://a:12', 'http://żółw', 'b'].map((url, i) => ({
      id: `api-${i}`,
      weight: 1,
      url,
    }));
    const placement = new TraefikContest(members);
    const counts = members.map(() => 0);
    for (let i = 0; i < 1000; i++) counts[placement.owner(`10.0.0.${i}`)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(100);
    for (let i = 0; i < 200; i++) {
      const key = `10.0.0.${i}`;
      const scores = members.map(({ url, ...member }) =>
        plainScore(key, { ...member, url: Buffer.from(url, 'utf8').toString('latin1') }),
      );
      expect(placement.owner(key)).toBe(scores.indexOf(Math.max(...scores)));
    }
  });

  it('refuses weights that Traefik does not have, and one URL twice', () => {
    expect(() => new TraefikContest([{ id: 'a', weight: 0.5 }])).toThrow(
      'to agree with Traefik it must be a whole number',
    );
    expect(() => new TraefikContest(['a', 'b'].map((id) => ({ id, weight: 1, url: 'http://x' })))).toThrow(
      'Upstreams "a" and "b" are both "http://x" to Traefik',
    );
    expect(traefikHrw.options.safeParse({ weight: 1 }).success).toBe(false);
  });
});
