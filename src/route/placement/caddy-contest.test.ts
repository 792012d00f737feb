import { describe, expect, it } from 'vitest';
import { toByteString } from '../../base/framed-key.js';
import { Word64 } from '../hash/word64.js';
import { xxh64 } from '../hash/xxh64.js';
import { agreementContract } from '../../testing/agreement-contract.js';
import { caddyWay } from './caddy-contest.js';
import { caddyHrw } from './caddy-hrw.js';
import type { Member } from './placement.js';

const three: Member[] = [1, 2, 3].map((at) => ({ id: `0.0.0.${at}`, weight: 1 }));
const clients = ['172.0.0.1', '172.0.0.2', '172.0.0.3', '172.0.0.4'] as const;

// TestIPHashPolicy of Caddy's selectionpolicies_test.go at the tags v2.6.2, v2.6.4, v2.7.6 and v2.11.4: the
// four clients; clients 4 and 2 without the second upstream; 3 and 4 without the third; the four clients
// among the second and third alone.
const KNOWN: [string, number[], number[], number[], number[]][] = [
  ['2.6.2', [0, 0, 2, 1], [2, 0], [1, 1], [1, 0, 1, 0]],
  ['2.6.4', [1, 1, 1, 1], [0, 0], [1, 1], [0, 0, 0, 0]],
  ['2.7.6', [1, 1, 1, 1], [0, 0], [1, 1], [0, 0, 0, 0]],
  ['2.11.4', [0, 1, 0, 1], [2, 0], [0, 1], [0, 0, 0, 0]],
];

describe('caddyHrw', () => {
  for (const version of ['2.6.2', '2.7', '2.8']) {
    describe(version, () => {
      for (const { name, run } of agreementContract((members) => caddyHrw.create(members, { version }), {
        weightMax: 1,
      }))
        it(name, run);
    });
  }

  it.each(KNOWN)("of %s chooses as Caddy's own test does", (version, whole, noSecond, noThird, pair) => {
    const placement = caddyHrw.create(three, { version });
    const without = (away: number, key: string): number | undefined =>
      Array.from(placement.rank(key)).find((index) => index !== away);
    expect(clients.map((key) => placement.owner(key))).toEqual(whole);
    expect([without(1, clients[3]), without(1, clients[1])]).toEqual(noSecond);
    expect([without(2, clients[2]), without(2, clients[3])]).toEqual(noThird);
    expect(clients.map((key) => caddyHrw.create(three.slice(1), { version }).owner(key))).toEqual(pair);
  });

  // Asked of Caddy 2.6.2: `lb_policy header X-Key` among 127.0.0.1:17990 to 127.0.0.5:17990.
  it('places these keys where Caddy did', () => {
    const members = Array.from({ length: 5 }, (_, at) => ({
      id: `api-${at}`,
      weight: 1,
      url: `http://127.0.0.${at + 1}:17990`,
    }));
    const keys = ['user:1', 'user:2', 'user:3', 'a', 'session:0123456789abcdef', 'zażółć'].map(toByteString);
    expect(keys.map((key) => caddyHrw.create(members, { version: '2.6.2' }).owner(key))).toEqual([
      1, 2, 2, 3, 0, 0,
    ]);
  });

  it('hashes address and key as one text, however long', () => {
    const placement = caddyHrw.create(three, { version: '2.8' });
    const word = new Word64();
    const hashOf = (text: string): bigint => {
      xxh64(text, 0, word);
      return word.toBigInt();
    };
    for (const length of [0, 1, 20, 31, 100, 248, 249, 250, 255, 256, 257, 300, 5000]) {
      for (const letter of 'abcdefgh') {
        const key = letter.repeat(length);
        const hashes = three.map(({ id }) => hashOf(`${id}${key}`));
        const order = [0, 1, 2].sort((a, b) => (hashes[a]! > hashes[b]! ? -1 : 1));
        expect(Array.from(placement.rank(key))).toEqual(order);
        expect(placement.owner(key)).toBe(order[0]);
      }
    }
  });

  it('knows which version hashes how', () => {
    const ways = Object.fromEntries(
      ['2.5.1', '2.6.2', 'v2.6.3', '2.6.4', '2.7', '2.7.6', '2.8', '2.10.2'].map((version) => [
        version,
        caddyWay(version),
      ]),
    );
    expect(ways).toEqual({
      '2.5.1': 'keyFirst',
      '2.6.2': 'keyFirst',
      'v2.6.3': 'addressFirst',
      '2.6.4': 'addressFirst',
      '2.7': 'addressFirst',
      '2.7.6': 'addressFirst',
      '2.8': 'xxh64',
      '2.10.2': 'xxh64',
    });
    for (const version of ['2.5.0', '2.5', '2.6', '2.4.6', '1.0.5', '3.0', '', '2.8.4-beta'])
      expect(caddyWay(version), version).toBeUndefined();
  });

  it('refuses weights, and two upstreams of one address', () => {
    const code = 'STICKY_PLACEMENT_INVALID';
    expect(() => caddyHrw.create([{ id: 'a', weight: 2 }], { version: '2.8' })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('know no weights') }),
    );
    const twice = [
      { id: 'a', weight: 1, address: 'app:80' },
      { id: 'b', weight: 1, address: 'app:80' },
    ];
    expect(() => caddyHrw.create(twice, { version: '2.8' })).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining('Caddy would never choose the second'),
      }),
    );
    expect(() => caddyHrw.create([], { version: '2.6' })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('`version` is "2.6"') }),
    );
  });
});
