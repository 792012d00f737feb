import { describe, expect, it } from 'vitest';
import { toByteString } from '../../base/framed-key.js';
import { agreementContract } from '../../testing/agreement-contract.js';
import { nginxConsistent } from './nginx-consistent.js';
import type { Member } from './placement.js';

const MEMBERS: Member[] = [1, 2, 3, 1, 4].map((weight, at) => ({
  id: `api-${at}`,
  weight,
  address: `127.0.0.${at + 1}:17990`,
}));
const KEYS = ['user:1', 'user:2', 'user:3', 'a', 'session:0123456789abcdef', 'zażółć'].map(toByteString);
const keys = Array.from({ length: 500 }, (_, i) => `user:${i}`);

describe('nginxConsistent', () => {
  const create = (members: readonly Member[]) => nginxConsistent.create(members, {});
  const owners = (members: readonly Member[]): string[] =>
    keys.map((key) => members[create(members).owner(key)]!.id);
  for (const { name, run } of agreementContract(create)) it(name, run);

  // Asked of nginx 1.22.1: `hash $http_x_key consistent`, weights 1, 2, 3, 1 (down), 4.
  it('places these keys where nginx did', () => {
    expect(KEYS.map((key) => create(MEMBERS).among!((index) => index !== 3).owner(key))).toEqual([
      2, 4, 2, 4, 1, 2,
    ]);
  });

  it('goes by what the configuration calls an upstream, not by id or order', () => {
    expect(owners([...MEMBERS].reverse())).toEqual(owners(MEMBERS));
    const renamed = MEMBERS.map((member) => ({ ...member, id: `other-${member.id}` }));
    expect(owners(renamed)).toEqual(owners(MEMBERS).map((id) => `other-${id}`));
    expect(
      owners(MEMBERS.map((member) => ({ ...member, address: member.address!.replace(':17990', '') }))),
    ).not.toEqual(owners(MEMBERS));
  });

  it('takes host and port from the url where no address is given, and the id where there is no url', () => {
    const urls = MEMBERS.map(({ address, ...member }) => ({ ...member, url: `http://${address}` }));
    expect(owners(urls)).toEqual(owners(MEMBERS));
    expect(owners(MEMBERS.map(({ weight, address }) => ({ id: address!, weight })))).toEqual(
      owners(MEMBERS).map((id) => MEMBERS.find((member) => member.id === id)!.address!),
    );
  });

  it('an upstream that leaves moves its own keys only', () => {
    const left = owners(MEMBERS.slice(1));
    owners(MEMBERS).forEach((id, at) => id !== 'api-0' && expect(left[at]).toBe(id));
  });

  it('leaves an empty key to the balance, and gives up after 21 points that are of no use', () => {
    expect([create(MEMBERS).owner(''), create(MEMBERS).rank('').length]).toEqual([-1, 0]);
    const thirty = Array.from({ length: 30 }, (_, at) => ({ id: `10.0.0.${at}:80`, weight: 1 }));
    const one = create(thirty).among!((index) => index === 7);
    const lost = keys.filter((key) => one.owner(key) === -1);
    expect(lost.length).toBeGreaterThan(150);
    for (const key of lost) expect(one.rank(key).length).toBe(0);
  });

  it('refuses two upstreams of one address, and weights that make too many points', () => {
    const code = 'STICKY_PLACEMENT_INVALID';
    const twice = [
      { id: 'a', weight: 1, address: 'app:80' },
      { id: 'b', weight: 1, url: 'http://app' },
    ];
    expect(() => create(twice)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining('"a" and "b" have the same address "app:80"'),
      }),
    );
    expect(() => create([{ id: 'a', weight: 30_000 }])).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('4800000 points') }),
    );
    expect(() => create([{ id: 'a', weight: 1.5 }])).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining('has the weight 1.5: to agree with nginx'),
      }),
    );
  });
});
