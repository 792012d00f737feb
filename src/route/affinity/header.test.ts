import { expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import { plainFacts } from '../plain-facts.js';
import { header } from './header.js';
import { seededRandom } from '../../testing/seeded-random.js';

for (const { name, run } of ruleContract({
  definition: header,
  accepted: ['x-user-id', { name: 'X-User-Id' }, { name: 'x-user-id', onFailure: 'reject' }],
  refused: [null, {}, '', 'x user', 'x:user', { name: '' }],
  found: { headers: [['X-User-Id', '42']] },
}))
  test(`contract: ${name}`, run);

const rule = header.create(header.options.parse('X-User-Id'), {
  route: 'default',
  keys: [],
  random: seededRandom(1),
  tokenVerifier: () => {
    throw new Error('not needed');
  },
});
const find = (...headers: [string, string][]) =>
  rule.find(plainFacts({ nowMs: 0, headers }), fakePool(['a']));

test('the key is the value, whatever the case of the name', () => {
  expect(find(['x-USER-id', '42'])).toEqual({ kind: 'keyed', key: '42' });
  expect(find(['x-user-id', 'é'])).toEqual({ kind: 'keyed', key: '\u00c3\u00a9' });
  expect(find(['x-user-id', 'x'.repeat(5000)])).toEqual({ kind: 'keyed', key: 'x'.repeat(5000) });
});

test('repeated fields are one value', () =>
  expect(find(['x-user-id', '1'], ['x-user-id', '2'])).toEqual({ kind: 'keyed', key: '1, 2' }));

test('an empty value is nobody', () => expect(find(['x-user-id', '  '])).toEqual({ kind: 'nothing' }));

test('its users borrow unless said otherwise: they return by themselves', () =>
  expect(rule.onFailure).toBe('borrow'));
