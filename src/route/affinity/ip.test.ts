import { expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import { RequestFacts } from '../facts.js';
import { ip } from './ip.js';
import { seededRandom } from '../../testing/seeded-random.js';

for (const { name, run } of ruleContract({
  definition: ip,
  accepted: [{}, null, { prefix4: 24, prefix6: 64 }, { onFailure: 'rehome' }],
  refused: [
    '1.2.3.4',
    { prefix4: 33 },
    { prefix4: 0 },
    { prefix6: 129 },
    { prefix6: 64.5 },
    { prefix4: '24' },
  ],
  found: { ip: '1.2.3.4' },
}))
  test(`contract: ${name}`, run);

const find = (options: unknown, clientAddress: string) =>
  ip
    .create(ip.options.parse(options), {
      route: 'default',
      keys: [],
      random: seededRandom(1),
      tokenVerifier: () => {
        throw new Error('not needed');
      },
    })
    .find(
      new RequestFacts(
        { method: 'GET', target: '/', host: '', clientAddress, isSecure: false, nowMs: 0 },
        { get: () => undefined },
      ),
      fakePool(['a']),
    );

test.each([
  [{}, '1.2.3.4', '1.2.3.4'],
  [{}, '::ffff:1.2.3.4', '1.2.3.4'],
  [{}, '2001:DB8:0::1', '2001:db8::1'],
  [{}, 'fe80::1%eth0', 'fe80::1'],
  [{ prefix4: 24 }, '1.2.3.4', '1.2.3.0'],
  [{ prefix4: 24 }, '::ffff:1.2.3.4', '1.2.3.0'],
  [{ prefix4: 24 }, '2001:db8::1', '2001:db8::1'],
  [{ prefix6: 64 }, '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
  [{ prefix6: 64 }, '1.2.3.4', '1.2.3.4'],
  [{ prefix4: 1, prefix6: 1 }, '255.0.0.1', '128.0.0.0'],
])('%j: %s has the key %s', (options, address, key) =>
  expect(find(options, address)).toEqual({ kind: 'keyed', key }),
);

test('a client without an address is nobody; what is not an address is unreadable', () => {
  expect(find({}, '')).toEqual({ kind: 'nothing' });
  expect(find({}, 'unix:/run/x.sock')).toEqual({ kind: 'unreadable' });
});
