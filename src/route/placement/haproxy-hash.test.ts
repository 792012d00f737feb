import { describe, expect, it } from 'vitest';
import { fullHash } from '../hash/full-hash.js';
import { HAPROXY_HASHES, haproxyHash } from './haproxy-hash.js';

const ALL_BYTES = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));

// Printed by HAProxy's own src/hash.c and include/haproxy/intops.h (3.5-dev5), compiled.
const KNOWN: [string, Record<'sdbm' | 'djb2' | 'wt6' | 'crc32', number>][] = [
  ['', { sdbm: 0, djb2: 0x1505, wt6: 0xf99a0360, crc32: 0 }],
  ['a', { sdbm: 0x61, djb2: 0x2b606, wt6: 0x714bf225, crc32: 0xe8b7be43 }],
  ['user:1', { sdbm: 0x39047082, djb2: 0x2124e72f, wt6: 0xecb0b882, crc32: 0x7ba5c282 }],
  ['10.0.0.1', { sdbm: 0x8ac57d46, djb2: 0x92045e21, wt6: 0xa8071466, crc32: 0x26fec193 }],
  [
    'a longer key of forty-one bytes, as it is.',
    { sdbm: 0x6de553e7, djb2: 0xe6675a3c, wt6: 0x425a90ec, crc32: 0xe66e69b9 },
  ],
  ['\u00ff\u0080\u0001', { sdbm: 0x7e119100, djb2: 0x0b8b0025, wt6: 0x346e88c7, crc32: 0x0d5d4522 }],
  [ALL_BYTES, { sdbm: 0x35fc0080, djb2: 0x9a5b9485, wt6: 0xf3ccaeb7, crc32: 0x29058c73 }],
];

const AVALANCHE: [number, number][] = [
  [0, 0xab4ed927],
  [1, 0x348681b6],
  [4096, 0x49c2008b],
  [4097, 0xa4972c87],
  [0x80000000, 0xfe7b3c12],
  [0xffffffff, 0x7e64c182],
  [123456789, 0x99ab9e21],
];

describe('a hash of HAProxy', () => {
  it.each(KNOWN)('of %j is the known one', (bytes, known) => {
    for (const [hash, value] of Object.entries(known))
      expect(haproxyHash({ hash: hash as 'sdbm' })(bytes)! >>> 0, hash).toBe(value);
  });

  it.each(AVALANCHE)('spreads %i as HAProxy does', (from, to) => expect(fullHash(from) >>> 0).toBe(to));

  it('is sdbm unless another is named, and spread where that is asked for', () => {
    expect(haproxyHash({})('user:1')).toBe(haproxyHash({ hash: 'sdbm' })('user:1'));
    for (const hash of HAPROXY_HASHES)
      expect(haproxyHash({ hash, avalanche: true })('77')).toBe(fullHash(haproxyHash({ hash })('77')!));
  });

  it('none takes a number as it is written, as far as it goes, within 64 bits, and cuts it to 32', () => {
    const none = haproxyHash({ hash: 'none' });
    const cases: [string, bigint][] = [
      ['', 0n],
      ['-', 0n],
      ['x1', 0n],
      ['7', 7n],
      ['+7', 7n],
      ['-7', -7n],
      ['12ab', 12n],
      ['0042', 42n],
      ['4294967295', 2n ** 32n - 1n],
      ['9007199254740993', 9007199254740993n],
      ['9223372036854775808', 2n ** 63n - 1n],
      ['-9223372036854775809', -(2n ** 63n)],
      ['9'.repeat(40), 2n ** 63n - 1n],
    ];
    for (const [text, value] of cases) expect(none(text), text).toBe(Number(BigInt.asIntN(32, value)));
  });

  it('of an address is its words taken together, whatever function is named; what is no address has none', () => {
    for (const hash of HAPROXY_HASHES) {
      const source = haproxyHash({ source: true, hash });
      expect(source('1.2.3.4')! >>> 0).toBe(0x01020304);
      expect(source('203.0.113.9')! >>> 0).toBe(0xcb007109);
      expect(source('2001:db8:1:2:3:4:5:6')! >>> 0).toBe(
        (0x20010db8 ^ 0x00010002 ^ 0x00030004 ^ 0x00050006) >>> 0,
      );
      for (const key of ['', 'user:1', '1.2.3', '1.2.3.4:80']) expect(source(key)).toBeUndefined();
    }
  });
});
