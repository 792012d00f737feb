import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { acceptCookies } from '../accept-cookies.js';
import { caddy } from './caddy.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: [{ secret: 'a caddy secret' }, null, {}, 'lb', { name: 'affinity' }].map((options) => ({
    formats: [{ caddy: options }],
  })),
  refused: ['a b', { name: '' }, { secret: 5 }, { secret: null }, { upstreams: { a: 'api-1' } }].map(
    (options) => ({ formats: [{ caddy: options }] }),
  ),
  found: { headers: [['cookie', 'lb=d9508a7083bde8b2936c656b35c186968d84770fd40b6a062d97edf3ca0d9314']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2'])) =>
  caddy.create(caddy.options.parse(options)).read(value, pool, 0);

// What Caddy 2.6.2 sets for `reverse_proxy 127.0.0.1:9001 127.0.0.1:9002 [::1]:9004` with `lb_policy cookie
// lb "a caddy secret"`, and with `lb_policy cookie`.
const WITH_SECRET = [
  '2f85d2090c4db01045824454058ad35e9c1c22082712fdcd2cbcb017d4d83af7',
  'd9508a7083bde8b2936c656b35c186968d84770fd40b6a062d97edf3ca0d9314',
  '586ff6c334c8f8d472a4426db4b716504405f160f5481b03c93ef3ba7a14b831',
];
const WITHOUT = [
  'f9521b49deca8c0bf00f3178b049c731f74e69f7a4c2beb5205bbabb5747c6c0',
  'dc2b9bf9458227fe471d66e38e97057503d863928bd958db2547983f97807418',
  'fe9cdea6e3711797c8ba0394acb2e07e4d536c5c38b737eaa13031eecbbd6809',
];
const two = fakePool(['api-1', 'api-2']);
const pool = {
  ...two,
  upstreams: [...two.upstreams, { id: 'six', url: 'http://[::1]:9004', weight: 1, draining: false }],
};

test('cookies of the live program are followed, with its secret', () => {
  WITH_SECRET.forEach((value, index) =>
    expect(read({ secret: 'a caddy secret' }, value, pool)).toEqual({ kind: 'bound', index }),
  );
  WITHOUT.forEach((value, index) => expect(read({}, value, pool)).toEqual({ kind: 'bound', index }));
});

test('a cookie under another secret fits no upstream', () => {
  for (const value of [...WITHOUT, ...WITH_SECRET])
    expect(read({ secret: 'another secret' }, value, pool)).toEqual({ kind: 'gone' });
  for (const value of WITHOUT)
    expect(read({ secret: 'a caddy secret' }, value, pool)).toEqual({ kind: 'gone' });
});

test('what is no MAC is unreadable', () => {
  for (const value of ['x', WITHOUT[0]!.slice(1), `${WITHOUT[0]!}0`, WITHOUT[0]!.toUpperCase()])
    expect(read({}, value, pool)).toEqual({ kind: 'unreadable' });
});
