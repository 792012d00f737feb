import { describe, expect, it } from 'vitest';
import { toByteString } from '../../base/framed-key.js';
import { agreementContract } from '../../testing/agreement-contract.js';
import { haproxyConsistent } from './haproxy-consistent.js';
import { haproxyNumbers } from './haproxy-node-keys.js';
import type { HaproxyNodesOptions } from './haproxy-nodes.js';
import type { Member } from './placement.js';

/** The second has `id 4`, so that the third is 3, the fourth 5 and the fifth 6; the fourth is `disabled`. */
const MEMBERS: Member[] = [1, 2, 3, 1, 4].map((weight, at) => ({
  id: `s${at}`,
  weight,
  ...(at === 1 && { haproxyId: 4 }),
}));
const KEYS = ['user:1', 'user:2', 'user:3', 'a', 'session:0123456789abcdef', 'zażółć'].map(toByteString);
const ADDRESSES = ['11.22.33.44', '11.22.34.44', '198.51.100.7', '2001:db8::1', '2001:db8::2', '203.0.113.9'];

// Asked of HAProxy 2.6.12: `balance hdr(x-key)` or `balance source`, `hash-type consistent …`.
const KNOWN: [HaproxyNodesOptions, number[]][] = [
  [{}, [0, 0, 4, 1, 4, 4]],
  [{ hash: 'sdbm' }, [0, 0, 0, 2, 0, 0]],
  [{ hash: 'djb2' }, [4, 4, 4, 2, 1, 2]],
  [{ hash: 'wt6' }, [2, 2, 4, 1, 0, 4]],
  [{ hash: 'crc32' }, [2, 4, 4, 2, 4, 4]],
  [{ hash: 'sdbm', avalanche: true }, [0, 0, 4, 1, 4, 4]],
  [{ hash: 'djb2', avalanche: true }, [2, 1, 2, 2, 1, 0]],
  [{ hash: 'wt6', avalanche: true }, [0, 2, 0, 2, 2, 4]],
  [{ hash: 'crc32', avalanche: true }, [1, 4, 2, 1, 0, 0]],
  [{ source: true }, [1, 2, 4, 1, 2, 0]],
  [{ source: true, hash: 'sdbm', avalanche: true }, [1, 2, 4, 1, 2, 0]],
];

describe('haproxyConsistent', () => {
  for (const { name, run } of agreementContract((members) => haproxyConsistent.create(members, {})))
    it(name, run);

  it.each(KNOWN)('with %j places these keys where HAProxy did', (options, expected) => {
    const placement = haproxyConsistent.create(MEMBERS, options).among!((index) => index !== 3);
    expect((options.source === true ? ADDRESSES : KEYS).map((key) => placement.owner(key))).toEqual(expected);
  });

  it('numbers by position those that bring no number, and passes over those taken', () => {
    const numbered = (...numbers: (number | undefined)[]): number[] =>
      haproxyNumbers(numbers.map((haproxyId, at) => ({ id: `s${at}`, weight: 1, haproxyId })));
    const no = undefined;
    expect(numbered(no, no, no)).toEqual([1, 2, 3]);
    expect(numbered(2, no, no)).toEqual([2, 3, 4]);
    expect(numbered(no, 4, no, no, no)).toEqual([1, 4, 3, 5, 6]);
    expect(numbered(77, no, 1)).toEqual([77, 2, 1]);
  });

  it('an upstream that goes away moves its own keys only, and every other ranking stays', () => {
    const whole = haproxyConsistent.create(MEMBERS, {});
    const left = whole.among!((index) => index !== 2);
    for (let i = 0; i < 500; i++) {
      if (whole.owner(`user:${i}`) !== 2) expect(left.owner(`user:${i}`)).toBe(whole.owner(`user:${i}`));
    }
  });

  it('goes by address where that is asked for, and needs one that is a number', () => {
    const at = (address: string): Member => ({ id: address, weight: 1, address });
    const members = [at('10.0.0.1:80'), at('10.0.0.2:80'), at('[fd00::7]:80'), at('10.0.0.4')];
    for (const key of ['addr', 'addr-port'] as const) {
      const placement = haproxyConsistent.create(members, { key });
      const turned = haproxyConsistent.create([...members].reverse(), { key });
      for (const user of KEYS)
        expect(turned.members[turned.owner(user)]).toEqual(members[placement.owner(user)]);
    }
    expect(() => haproxyConsistent.create([at('app:80')], { key: 'addr' })).toThrow(
      expect.objectContaining({
        code: 'STICKY_PLACEMENT_INVALID',
        message: expect.stringContaining('Write it as one, such as 10.0.0.5:8080'),
      }),
    );
  });

  it('refuses weights and numbers that HAProxy does not have', () => {
    const refuses = (member: Partial<Member>, message: string): void =>
      expect(() =>
        haproxyConsistent.create(
          [
            { id: 'a', weight: 1, haproxyId: 5 },
            { id: 'b', weight: 1, ...member },
          ],
          {},
        ),
      ).toThrow(
        expect.objectContaining({
          code: 'STICKY_PLACEMENT_INVALID',
          message: expect.stringContaining(message),
        }),
      );
    refuses({ weight: 257 }, 'to agree with HAProxy it must be a whole number from 1 to 256');
    refuses({ haproxyId: 5 }, '"a" and "b" have the same haproxyId 5');
    for (const haproxyId of [0, -1, 1.5, 2 ** 31])
      refuses({ haproxyId }, `"b" has the haproxyId ${haproxyId}`);
  });
});
