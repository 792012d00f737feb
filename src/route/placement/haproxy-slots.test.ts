import { describe, expect, it } from 'vitest';
import { toByteString } from '../../base/framed-key.js';
import { agreementContract } from '../../testing/agreement-contract.js';
import type { HaproxyHashOptions } from './haproxy-hash.js';
import { haproxyMap } from './haproxy-map.js';
import type { Member } from './placement.js';

const MEMBERS: Member[] = [1, 2, 3, 1, 4].map((weight, at) => ({ id: `s${at}`, weight }));
const KEYS = ['user:1', 'user:2', 'user:3', 'a', 'session:0123456789abcdef', 'zażółć'].map(toByteString);
const ADDRESSES = ['11.22.33.44', '11.22.34.44', '198.51.100.7', '2001:db8::1', '2001:db8::2', '203.0.113.9'];

// Asked of HAProxy 2.6.12: `balance hdr(x-key)` or `balance source`, `hash-type map-based …`, the fourth
// `disabled`.
const KNOWN: [HaproxyHashOptions, number[]][] = [
  [{}, [2, 4, 0, 4, 2, 0]],
  [{ hash: 'sdbm' }, [2, 4, 0, 4, 2, 0]],
  [{ hash: 'djb2' }, [4, 2, 4, 0, 1, 2]],
  [{ hash: 'wt6' }, [2, 4, 2, 4, 4, 1]],
  [{ hash: 'crc32' }, [4, 2, 4, 4, 4, 4]],
  [{ hash: 'sdbm', avalanche: true }, [2, 0, 1, 1, 2, 4]],
  [{ hash: 'djb2', avalanche: true }, [1, 4, 1, 4, 2, 4]],
  [{ hash: 'wt6', avalanche: true }, [4, 1, 2, 4, 2, 0]],
  [{ hash: 'crc32', avalanche: true }, [1, 2, 4, 4, 4, 4]],
  [{ source: true }, [0, 2, 1, 1, 4, 1]],
  [{ source: true, hash: 'sdbm', avalanche: true }, [4, 1, 2, 4, 4, 1]],
];

describe('haproxyMap', () => {
  const create = (members: readonly Member[]) => haproxyMap.create(members, {});
  for (const { name, run } of agreementContract(create)) it(name, run);

  it.each(KNOWN)('with %j places these keys where HAProxy did', (options, expected) => {
    const placement = haproxyMap.create(MEMBERS, options).among!((index) => index !== 3);
    expect((options.source === true ? ADDRESSES : KEYS).map((key) => placement.owner(key))).toEqual(expected);
  });

  it('shares by weight, whatever the weights have in common', () => {
    const ten = create(MEMBERS.map((member) => ({ ...member, weight: member.weight * 10 })));
    for (let i = 0; i < 500; i++) expect(ten.owner(`user:${i}`)).toBe(create(MEMBERS).owner(`user:${i}`));
  });

  it('moves users of upstreams that are well when another goes away', () => {
    const left = create(MEMBERS).among!((index) => index !== 0);
    const keys = Array.from({ length: 500 }, (_, i) => `user:${i}`).filter(
      (key) => create(MEMBERS).owner(key) !== 0,
    );
    expect(keys.filter((key) => left.owner(key) !== create(MEMBERS).owner(key)).length).toBeGreaterThan(
      keys.length / 2,
    );
  });

  it('refuses a map that would take seconds to fill', () => {
    const many = Array.from({ length: 2000 }, (_, at) => ({ id: `s${at}`, weight: 256 - (at % 2) }));
    expect(() => create(many)).toThrow(
      expect.objectContaining({
        code: 'STICKY_PLACEMENT_INVALID',
        message: expect.stringContaining('would have 511000 slots'),
      }),
    );
  });
});
