import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { acceptCookies } from '../accept-cookies.js';
import { nginx } from './nginx.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: ['srv_id', { name: 'srv_id' }, { name: 'srv_id', upstreams: { a: 'api-1' } }].map((options) => ({
    formats: [{ nginx: options }],
  })),
  refused: [
    null,
    {},
    'a b',
    { name: 'srv_id', upstreams: {} },
    { name: 'srv_id', upstreams: ['api-1'] },
    { name: 'srv_id', upstreams: { '': 'api-1' } },
    { name: 'srv_id', upstreams: { a: 7 } },
    { name: 'srv_id', secret: 'x' },
  ].map((options) => ({ formats: [{ nginx: options }] })),
  found: { headers: [['cookie', 'srv_id=f29316d06d7f5c505bf92924ef4c7ba4']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2'])) =>
  nginx.create(nginx.options.parse(options)).read(value, pool, 0);

test('an upstream is known by the MD5 of its address, as nginx 1.31.5 writes it', () => {
  expect(read('srv_id', 'f29316d06d7f5c505bf92924ef4c7ba4')).toEqual({ kind: 'bound', index: 1 });
  expect(read('srv_id', 'ebfbdbaa8ded4a95f234593aba62a4be')).toEqual({ kind: 'gone' });
});

test('the address is the upstream’s own, where the URL has another', () => {
  const named = {
    ...fakePool(['a', 'b']),
    upstreams: [
      { id: 'a', url: 'http://app1', weight: 1, draining: false, address: '127.0.0.1:9002' },
      { id: 'b', url: 'http://[::1]', weight: 1, draining: false },
    ],
  };
  expect(read('srv_id', 'f29316d06d7f5c505bf92924ef4c7ba4', named)).toEqual({ kind: 'bound', index: 0 });
  expect(read('srv_id', 'c1308178d10b33ec4a853215e9af4ea2', named)).toEqual({ kind: 'bound', index: 1 });
});

test('a port that is left out and IPv6 at length are what nginx prints of them', () => {
  const named = {
    ...fakePool(['a', 'b']),
    upstreams: [
      { id: 'a', url: 'http://127.0.0.1', weight: 1, draining: false, address: '127.0.0.1' },
      { id: 'b', url: 'http://[::1]', weight: 1, draining: false, address: '[0:0::1]:80' },
    ],
  };
  expect(read('srv_id', createHash('md5').update('127.0.0.1:80').digest('hex'), named)).toEqual({
    kind: 'bound',
    index: 0,
  });
  expect(read('srv_id', 'c1308178d10b33ec4a853215e9af4ea2', named)).toEqual({ kind: 'bound', index: 1 });
});

test('what is no MD5 is unreadable', () => {
  for (const value of [
    'x',
    'F29316D06D7F5C505BF92924EF4C7BA4',
    'f29316d06d7f5c505bf92924ef4c7ba',
    'f29316d06d7f5c505bf92924ef4c7ba40',
    '127.0.0.1:9002',
  ])
    expect(read('srv_id', value)).toEqual({ kind: 'unreadable' });
});

test('with route= the cookie is that text, and nothing else is understood', () => {
  const options = { name: 'srv_id', upstreams: { a: 'api-1', b: 'api-2', c: 'api-9' } };
  expect(
    ['a', 'b', 'c', 'd', 'A', 'a'.repeat(33), 'f29316d06d7f5c505bf92924ef4c7ba4'].map((value) =>
      read(options, value),
    ),
  ).toEqual([
    { kind: 'bound', index: 0 },
    { kind: 'bound', index: 1 },
    { kind: 'gone' },
    ...Array.from({ length: 4 }, () => ({ kind: 'unreadable' })),
  ]);
});
