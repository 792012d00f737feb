import { expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import { plainFacts } from '../plain-facts.js';
import { query } from './query.js';
import { seededRandom } from '../../testing/seeded-random.js';

for (const { name, run } of ruleContract({
  definition: query,
  accepted: ['user_id', { name: 'user_id' }, { name: 'user id', onFailure: 'rehome' }],
  refused: [null, {}, '', { name: '' }],
  found: { url: '/x?user_id=42' },
}))
  test(`contract: ${name}`, run);

const rule = query.create(query.options.parse('user_id'), {
  route: 'default',
  keys: [],
  random: seededRandom(1),
  tokenVerifier: () => {
    throw new Error('not needed');
  },
});
const find = (url: string) => rule.find(plainFacts({ nowMs: 0, url }), fakePool(['a']));

test.each([
  ['/?user_id=42', '42'],
  ['/?a=b&user_id=42&user_id=43', '42'],
  ['/?user_id=a%20b', 'a b'],
  ['/?user_id=a+b', 'a b'],
  ['/?user_id=%C3%A9', '\u00c3\u00a9'],
  ['/?user_id=a=b', 'a=b'],
  ['/?user_id=%2541', '%41'],
  ['/?user_id=%zz', '%zz'],
  ['/?x=?&user_id=1', '1'],
  ['/?user%5Fid=1', '1'],
])('%s has the key %j', (url, key) => expect(find(url)).toEqual({ kind: 'keyed', key }));

test.each([
  '/',
  '/?',
  '/?user_id',
  '/?user_id=',
  '/?user_id=&user_id=2',
  '/?User_id=1',
  '/user_id=1',
  '/#?user_id=1',
])('%s is nobody', (url) => expect(find(url)).toEqual({ kind: 'nothing' }));
