import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { acceptCookies } from '../accept-cookies.js';
import { traefik } from './traefik.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: ['_sticky', { name: '_sticky' }].map((options) => ({ formats: [{ traefik: options }] })),
  refused: [null, {}, 'a b', { name: '_sticky', secret: 'x' }].map((options) => ({
    formats: [{ traefik: options }],
  })),
  found: { headers: [['cookie', '_sticky=11d6e234bea9522d']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2'])) =>
  traefik.create(traefik.options.parse(options)).read(value, pool, 0);

// SHA-256 and FNV-1 by Python; its FNV-1 gives the published 340d8765a4dda9c2 for "foobar". What is hashed,
// and that all four count, is Traefik's sticky.go.
test.each([
  ['11d6e234bea9522d', 'SHA-256'],
  ['6332e82f448a3f0d', 'FNV-1'],
  ['ad31e66993bac776', 'FNV-1 twice'],
  ['http://127.0.0.1:9002', 'the URL itself'],
  ['ee9d32b70410e7e7', 'with a final slash'],
  ['19bf955176e92338', 'FNV-1 with it'],
  ['200ff91b0c4b98ca', 'twice with it'],
  ['http://127.0.0.1:9002/', 'itself with it'],
])('%s is followed: %s', (value) => expect(read('_sticky', value)).toEqual({ kind: 'bound', index: 1 }));

test('a URL is hashed as it was written: with or without the port that its scheme implies', () => {
  const pool = {
    ...fakePool(['a']),
    upstreams: [{ id: 'a', url: 'https://app.example', weight: 1, draining: false }],
  };
  // The last has 15 digits: leading zeros are left out.
  for (const value of [
    'ced441a4d81a6db5',
    'd2508082a40689a4',
    '2bf585a6f6892471',
    'f51d7c352011412d',
    '8a645fa0fc31d98',
  ])
    expect(read('_sticky', value, pool)).toEqual({ kind: 'bound', index: 0 });
});

test('an upstream’s address stands in for host and port of its URL', () => {
  const pool = {
    ...fakePool(['a']),
    upstreams: [{ id: 'a', url: 'http://app1:8080', weight: 1, draining: false, address: '10.0.0.5:80' }],
  };
  expect(read('_sticky', '4cbe3ddc5e601922', pool)).toEqual({ kind: 'bound', index: 0 });
  expect(read('_sticky', 'http://app1:8080', pool)).toEqual({ kind: 'gone' });
});

test('another hash fits no upstream; what is neither hash nor URL is unreadable', () => {
  for (const value of ['11d6e234bea9522e', '0', 'http://10.0.0.9:80', 'ftp'])
    expect(read('_sticky', value).kind).toBe(value === 'ftp' ? 'unreadable' : 'gone');
  for (const value of [
    '11D6E234BEA9522D',
    '11d6e234bea9522d0',
    'x',
    'ftp://127.0.0.1:9002',
    'http://127.0.0.1:9002/a',
    `http://${'a'.repeat(300)}`,
  ])
    expect(read('_sticky', value)).toEqual({ kind: 'unreadable' });
});
