import { expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import { plainFacts } from '../plain-facts.js';
import { routeCookie } from './route-cookie.js';
import { seededRandom } from '../../testing/seeded-random.js';

for (const { name, run } of ruleContract({
  definition: routeCookie,
  accepted: [{ name: 'backend' }, 'backend', { name: 'backend', onFailure: 'reject' }],
  refused: [null, {}, '', 'a b', { name: '' }, { name: 'a;b' }],
  found: { headers: [['cookie', 'backend=api-2']] },
}))
  test(`contract: ${name}`, run);

const rule = routeCookie.create(
  { name: 'backend', onFailure: 'rehome' },
  {
    route: 'default',
    keys: [],
    random: seededRandom(1),
    tokenVerifier: () => {
      throw new Error('not needed');
    },
  },
);
const find = (cookie: string) =>
  rule.find(plainFacts({ nowMs: 0, headers: [['cookie', cookie]] }), fakePool(['api-1', 'api-2']));

test('it follows the upstream that the app names', () => {
  expect(find('a=b; backend=api-2; c=d')).toEqual({ kind: 'bound', index: 1 });
  expect(find('backend="api-1"')).toEqual({ kind: 'bound', index: 0 });
});

test('an upstream that is not known is gone', () => {
  for (const id of ['api-9', '__proto__', 'API-1', 'x'.repeat(128), '%61pi-1'])
    expect(find(`backend=${id}`)).toEqual({ kind: 'gone' });
});

test('a value that no upstream can have is unreadable', () => {
  for (const id of ['x'.repeat(129), 'api 1', 'api,1', 'a\\b', 'a"b', '\u00e9', 'a\tb'])
    expect(find(`backend=${id}`)).toEqual({ kind: 'unreadable' });
  expect(find('backend=')).toEqual({ kind: 'nothing' });
});

test('it never writes: the cookie is the app’s', () => expect(rule.bind).toBeUndefined());
