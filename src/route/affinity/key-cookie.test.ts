import { expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import { plainFacts } from '../plain-facts.js';
import { keyCookie } from './key-cookie.js';
import { seededRandom } from '../../testing/seeded-random.js';

for (const { name, run } of ruleContract({
  definition: keyCookie,
  accepted: ['sid', { name: 'PHPSESSID' }, { name: 'sid', onFailure: 'reject' }],
  refused: [null, {}, '', 'a b', 'a=b', { name: '' }],
  found: { headers: [['Cookie', 'sid=42']] },
}))
  test(`contract: ${name}`, run);

const rule = keyCookie.create(keyCookie.options.parse('sid'), {
  route: 'default',
  keys: [],
  random: seededRandom(1),
  tokenVerifier: () => {
    throw new Error('not needed');
  },
});
const find = (cookies: string) =>
  rule.find(plainFacts({ nowMs: 0, headers: [['Cookie', cookies]] }), fakePool(['a']));

test('the key is the value as sent, of the first where there are several', () => {
  expect(find('a=1; sid=s%3Aabc.def+/=; b=2')).toEqual({ kind: 'keyed', key: 's%3Aabc.def+/=' });
  expect(find('sid=first; sid=second')).toEqual({ kind: 'keyed', key: 'first' });
});

test('a cookie that is empty or missing is nobody', () => {
  expect(find('sid=')).toEqual({ kind: 'nothing' });
  expect(find('SID=42')).toEqual({ kind: 'nothing' });
});

test('its users borrow unless said otherwise: they return by themselves', () =>
  expect(rule.onFailure).toBe('borrow'));
