import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clientAddress,
  createAddressSet,
  formatAddress,
  maskAddress,
  parseAddress,
  rangeProblem,
} from './address.js';

const canonical = (text: string): string | undefined => {
  const address = parseAddress(text);
  return address === undefined ? undefined : formatAddress(address);
};

describe('parsing and writing addresses', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['10.20.30.40', '10.20.30.40'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['0:0:1::', '0:0:1::'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['::FFFF:1.2.3.4%lo', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('%s is %s', (text, expected) => expect(canonical(text)).toBe(expected));

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.04',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1e1.2.3.4',
    '١.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::1.2.3',
    '::1.2.3.256',
    '1.2.3.4::',
    ':1::',
    '::1:',
    '[::1]',
    'fe80::1%',
    '1.2.3.4%eth0',
  ])('%j is no address', (text) => expect(parseAddress(text)).toBeUndefined());

  test('agrees with Node about any text', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4Extended(),
      fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
      fc
        .array(fc.constantFrom('0', '1', 'ffff', ':', '::', '.', '255', '256', '%a'), { maxLength: 12 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(
        text,
        (address) => void expect(parseAddress(address) !== undefined, address).toBe(isIP(address) !== 0),
      ),
      { numRuns: 5000 },
    );
  });

  test('writes every IPv6 address as URL does', () => {
    const groups = fc
      .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
      .filter((all) => all[5] !== 0xffff);
    fc.assert(
      fc.property(groups, (all) => {
        const text = all.map((group) => group.toString(16)).join(':');
        expect(`[${canonical(text)}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      { numRuns: 2000 },
    );
  });
});

test('a mask clears the bits behind the prefix', () => {
  const masked = (text: string, prefix: number) => formatAddress(maskAddress(parseAddress(text)!, prefix));
  expect([0, 1, 8, 24, 31, 32].map((prefix) => masked('255.255.255.255', prefix))).toEqual([
    '0.0.0.0',
    '128.0.0.0',
    '255.0.0.0',
    '255.255.255.0',
    '255.255.255.254',
    '255.255.255.255',
  ]);
  expect(
    [0, 3, 16, 17, 64, 128].map((prefix) => masked('ffff:ffff:ffff:ffff:ffff:ffff:0:ffff', prefix)),
  ).toEqual([
    '::',
    'e000::',
    'ffff::',
    'ffff:8000::',
    'ffff:ffff:ffff:ffff::',
    'ffff:ffff:ffff:ffff:ffff:ffff:0:ffff',
  ]);
});

describe('an address set', () => {
  const has = (list: string[], address: string) => createAddressSet(list).has(parseAddress(address));

  test('holds addresses and ranges of both kinds, and IPv4 written as IPv6', () => {
    const list = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8', '::1', '::ffff:172.16.0.0/108'];
    for (const inside of [
      '10.0.0.0',
      '10.255.255.255',
      '192.168.1.1',
      'fd12::1',
      '::1',
      '::ffff:10.1.1.1',
      '172.31.255.255',
    ])
      expect(has(list, inside), inside).toBe(true);
    for (const outside of [
      '9.255.255.255',
      '11.0.0.0',
      '192.168.1.2',
      'fe80::1',
      '::2',
      '172.32.0.0',
      'what',
    ])
      expect(has(list, outside), outside).toBe(false);
    expect(has(['0.0.0.0/0'], '255.1.2.3')).toBe(true);
    expect(has(['0.0.0.0/0'], '::1')).toBe(false);
    expect(has([], '1.2.3.4')).toBe(false);
  });

  test('agrees with net.BlockList', () => {
    const range = fc.oneof(
      fc.tuple(fc.ipV4(), fc.nat(32)),
      fc.tuple(
        fc.ipV6().filter((text) => !text.includes('.')),
        fc.nat(128),
      ),
    );
    fc.assert(
      fc.property(
        range,
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().filter((text) => !text.includes('.')),
        ),
        ([base, prefix], other) => {
          const family = base.includes(':') ? 'ipv6' : 'ipv4';
          const list = new BlockList();
          list.addSubnet(base, prefix, family);
          const set = createAddressSet([
            `${formatAddress(maskAddress(parseAddress(base)!, prefix))}/${prefix}`,
          ]);
          for (const address of [base, other]) {
            expect(set.has(parseAddress(address))).toBe(
              address.includes(':') === (family === 'ipv6') && list.check(address, family),
            );
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['10.0.0.1/8', 'write 10.0.0.0/8'],
    ['fd00::1/8', 'write fd00::/8'],
    ['10.0.0.0/33', 'from 0 to 32'],
    ['::/129', 'from 0 to 128'],
    ['10.0.0.0/', 'from 0 to 32'],
    ['10.0.0.0/08', 'from 0 to 32'],
    ['10.0.0.0/-1', 'from 0 to 32'],
    ['::ffff:10.0.0.0/8', 'from 0 to 32'],
    ['10.0.0', 'Write an address'],
    ['example.org', 'Write an address'],
    ['', 'Write an address'],
    ['fe80::1%eth0', 'Write an address'],
  ])('refuses %j and says what to write', (entry, message) => {
    expect(rangeProblem(entry)).toContain(message);
    expect(() => createAddressSet(['10.0.0.0/8', entry])).toThrow(
      expect.objectContaining({ code: 'STICKY_CONFIG_INVALID', message: expect.stringContaining(message) }),
    );
  });

  test('has no problem with a good entry', () => expect(rangeProblem('10.0.0.0/8')).toBeUndefined());
});

describe('the client behind trusted proxies', () => {
  const trusted = createAddressSet(['10.0.0.0/8', '::1']);
  const cases: [peer: string, field: string | undefined, expected: string][] = [
    ['1.2.3.4', undefined, '1.2.3.4'],
    ['::ffff:1.2.3.4', undefined, '1.2.3.4'],
    ['1.2.3.4', '9.9.9.9', '1.2.3.4'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '9.9.9.9', '9.9.9.9'],
    ['::ffff:10.0.0.1', '9.9.9.9', '9.9.9.9'],
    ['10.0.0.1', '6.6.6.6, 9.9.9.9', '9.9.9.9'],
    ['10.0.0.1', '6.6.6.6, 9.9.9.9 ,\t10.0.0.2', '9.9.9.9'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['10.0.0.1', '9.9.9.9:5555', '9.9.9.9'],
    ['10.0.0.1', '[2001:DB8::1]:5555', '2001:db8::1'],
    ['10.0.0.1', '[2001:db8::1]', '2001:db8::1'],
    ['10.0.0.1', '2001:db8:0::1', '2001:db8::1'],
    ['::1', '2001:db8::1', '2001:db8::1'],
    ['10.0.0.1', '9.9.9.9, unknown', '10.0.0.1'],
    ['10.0.0.1', '9.9.9.9, unknown, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '9.9.9.9,, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '9.9.9.9:port', '10.0.0.1'],
    ['10.0.0.1', '[9.9.9.9]', '10.0.0.1'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', ',', '10.0.0.1'],
    ['10.0.0.1', ',9.9.9.9', '9.9.9.9'],
    ['10.0.0.1', ',10.0.0.9', '10.0.0.9'],
    ['', '9.9.9.9', ''],
  ];
  test.each(cases)('peer %j, X-Forwarded-For %j: %j', (peer, field, expected) =>
    expect(clientAddress(peer, field, trusted)).toBe(expected),
  );

  test('no entry left of the first stranger is believed, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string(),
        (left) =>
          void expect(clientAddress('10.0.0.1', `${left}, 9.9.9.9, 10.0.0.2`, trusted)).toBe('9.9.9.9'),
      ),
    );
  });
});
