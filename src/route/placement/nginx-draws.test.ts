import { describe, expect, it } from 'vitest';
import { toByteString } from '../../base/framed-key.js';
import { agreementContract } from '../../testing/agreement-contract.js';
import { nginxHash } from './nginx-hash.js';
import { nginxIpHash } from './nginx-ip-hash.js';
import type { Member } from './placement.js';

const MEMBERS: Member[] = [1, 2, 3, 1, 4].map((weight, at) => ({ id: `api-${at}`, weight }));
const KEYS = ['user:1', 'user:2', 'user:3', 'a', 'session:0123456789abcdef', 'zażółć'].map(toByteString);
const ADDRESSES = ['11.22.33.44', '11.22.34.44', '198.51.100.7', '2001:db8::1', '2001:db8::2', '203.0.113.9'];
const all = (): boolean => true;

describe('nginxHash', () => {
  const create = (members: readonly Member[]) => nginxHash.create(members, {});
  for (const { name, run } of agreementContract(create)) it(name, run);

  // Asked of nginx 1.22.1: `hash $http_x_key`, weights 1, 2, 3, 1 (down), 4.
  it('places these keys where nginx did', () => {
    expect(KEYS.map((key) => create(MEMBERS).among!((index) => index !== 3).owner(key))).toEqual([
      4, 2, 2, 0, 4, 4,
    ]);
  });

  it('leaves an empty key to the balance, unless there is only one upstream', () => {
    expect([create(MEMBERS).owner(''), create(MEMBERS).rank('').length]).toEqual([-1, 0]);
    expect(create(MEMBERS.slice(0, 1)).owner('')).toBe(0);
  });

  it('gives up after 21 draws that are of no use, and the ranking ends there', () => {
    const thirty = Array.from({ length: 30 }, (_, at) => ({ id: `api-${at}`, weight: 1 }));
    const one = create(thirty).among!((index) => index === 7);
    const keys = Array.from({ length: 2000 }, (_, i) => `user:${i}`);
    const lost = keys.filter((key) => one.owner(key) === -1);
    // (29/30)^21, were the draws independent: 49 %. They are not quite.
    expect(lost.length).toBeGreaterThan(800);
    expect(lost.length).toBeLessThan(1300);
    for (const key of lost) expect(one.rank(key).length).toBe(0);
    const rank = Array.from(create(thirty).rank('user:1'));
    expect(rank.length).toBeGreaterThan(10);
    expect(rank.length).toBeLessThan(30);
  });

  it('is at the mercy of order', () => {
    const turned = create([...MEMBERS].reverse());
    expect(KEYS.map((key) => turned.members[turned.owner(key)]!.id)).not.toEqual(
      KEYS.map((key) => MEMBERS[create(MEMBERS).owner(key)]!.id),
    );
  });
});

describe('nginxIpHash', () => {
  const create = (members: readonly Member[]) => nginxIpHash.create(members, {});
  const key = (random: { below(limit: number): number }): string =>
    random.below(2) === 0
      ? `${1 + random.below(200)}.${random.below(256)}.${random.below(256)}.9`
      : `2001:db8::${random.below(65_536).toString(16)}`;
  for (const { name, run } of agreementContract(create, { key })) it(name, run);

  // Asked of nginx 1.22.1: `ip_hash`, weights 1, 2, 3, 1 (down), 4.
  it('places these addresses where nginx did', () => {
    expect(ADDRESSES.map((address) => create(MEMBERS).among!((index) => index !== 3).owner(address))).toEqual(
      [4, 4, 1, 2, 2, 4],
    );
  });

  it('takes the first three octets of IPv4 and all of IPv6', () => {
    const many = create(Array.from({ length: 200 }, (_, at) => ({ id: `api-${at}`, weight: 1 })));
    expect(many.owner('11.22.33.1')).toBe(many.owner('11.22.33.255'));
    expect(many.owner('11.22.33.1')).not.toBe(many.owner('11.22.34.1'));
    expect(many.owner('2001:db8::1')).not.toBe(many.owner('2001:db8::2'));
  });

  it('leaves what is no address to the balance', () => {
    for (const text of ['', 'user:1', '1.2.3.4:80'])
      expect([create(MEMBERS).owner(text), create(MEMBERS).rank(text).length]).toEqual([-1, 0]);
  });
});

it('among all of them, a draw is never wasted on the first try', () => {
  const placement = nginxHash.create(MEMBERS, {}).among!(all);
  for (let i = 0; i < 1000; i++) expect(placement.owner(`user:${i}`)).not.toBe(-1);
});
