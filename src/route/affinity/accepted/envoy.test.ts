import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { acceptCookies } from '../accept-cookies.js';
import { envoy } from './envoy.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: ['global-session-cookie', { name: 'sticky' }].map((options) => ({
    formats: [{ envoy: options }],
  })),
  refused: [null, {}, 'a b', { name: 'sticky', ttl: '1h' }].map((options) => ({
    formats: [{ envoy: options }],
  })),
  found: { headers: [['cookie', 'global-session-cookie=MTI3LjAuMC4xOjkwMDI=']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2'])) =>
  envoy.create(envoy.options.parse(options)).read(value, pool, 0);

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

// The message `{ string address = 1; uint64 expires = 2; }` by protobuf's encoding; `expires` 1005 as in
// Envoy's cookie_test.cc.
test.each([
  ['Cg4xMjcuMC4wLjE6OTAwMg==', 'without expires'],
  ['Cg4xMjcuMC4wLjE6OTAwMhDtBw==', 'with expires, on a clock that nobody here knows'],
  ['Cg4xMjcuMC4wLjE6OTAwMhD///////////8B', 'with the largest expires'],
  ['MTI3LjAuMC4xOjkwMDI=', 'an address alone, as its first versions wrote it'],
])('%s is followed: %s', (value) => expect(read('sticky', value)).toEqual({ kind: 'bound', index: 1 }));

test('IPv6 has its brackets', () => {
  const pool = {
    ...fakePool(['a']),
    upstreams: [{ id: 'a', url: 'http://[::1]:9004', weight: 1, draining: false }],
  };
  for (const value of [base64('\n\n[::1]:9004'), base64('[::1]:9004')])
    expect(read('sticky', value, pool)).toEqual({ kind: 'bound', index: 0 });
});

test('another address is gone', () => {
  for (const value of [base64('10.0.0.9:80'), base64('\n\x0b10.0.0.9:80')])
    expect(read('sticky', value)).toEqual({ kind: 'gone' });
});

test('what is neither is unreadable', () => {
  const address = '127.0.0.1:9002';
  for (const text of [
    `\n\x0f${address}`,
    `\n\x0d${address}`,
    `\n\xff${address}`,
    `\n\x0e${address}\x10`,
    `\n\x0e${address}\x10\x80`,
    `\n\x0e${address}\x10\x01\x01`,
    `\n\x0e${address}\x18\x01`,
    `\n\x0e${address}\x10${'\x80'.repeat(10)}\x01`,
    '\n',
    '\n\x00',
    '\n\x01',
    'a b',
    `${address}\0`,
    '\x80\x81\x82',
    'x'.repeat(190),
  ])
    expect(read('sticky', base64(text)), JSON.stringify(text)).toEqual({ kind: 'unreadable' });
  for (const value of [
    address,
    'MTI3LjAuMC4xOjkwMDI',
    'MTI3LjAuMC4xOjkwMDI=x',
    '====',
    'A',
    base64('a'.repeat(300)),
    'e1a2-b3c4',
  ])
    expect(read('sticky', value), value).toEqual({ kind: 'unreadable' });
});
