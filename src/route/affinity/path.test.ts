import { expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import { plainFacts } from '../plain-facts.js';
import { path } from './path.js';
import { seededRandom } from '../../testing/seeded-random.js';

for (const { name, run } of ruleContract({
  definition: path,
  accepted: [
    '/api/users/:id',
    { pattern: '/:tenant/users/:user_id' },
    { pattern: '/:id', onFailure: 'reject' },
  ],
  refused: [
    null,
    {},
    '',
    '/',
    'api/:id',
    '/api/users',
    '/api//:id',
    '/api/:id/',
    '/api/:',
    '/api/:a-b',
    '/api/:a:b',
    '/a b/:id',
    '/a?b/:id',
    '/a#/:id',
    '/%61/:id',
    { pattern: 5 },
  ],
  found: { url: '/api/users/7/orders?x=y' },
}))
  test(`contract: ${name}`, run);

const find = (pattern: string, url: string) =>
  path
    .create(path.options.parse(pattern), {
      route: 'default',
      keys: [],
      random: seededRandom(1),
      tokenVerifier: () => {
        throw new Error('not needed');
      },
    })
    .find(plainFacts({ nowMs: 0, url }), fakePool(['a']));

test.each([
  ['/api/users/:id', '/api/users/7', '7'],
  ['/api/users/:id', '/api/users/7/', '7'],
  ['/api/users/:id', '/api/users/7/orders/8?id=9', '7'],
  ['/api/users/:id', '/api/users/a%20b', 'a b'],
  ['/api/users/:id', '/api/users/a+b', 'a+b'],
  ['/api/users/:id', '/api/users/%C3%A9', '\u00c3\u00a9'],
  ['/api/users/:id', '/api/users/é', '\u00c3\u00a9'],
  ['/api/users/:id', '/api/users/a%2Fb', 'a/b'],
  ['/api/users/:id', '/api/users/%2541', '%41'],
  ['/api/users/:id', '/api/users/%zz%41', '%zz%41'],
  ['/api/users/:id', '/api/users/%4', '%4'],
  ['/api/users/:id', '/api/users/%FF', '\u00ff'],
  ['/api/users/:id', '/%61pi/users/7', '7'],
  ['/:id', '/7', '7'],
  ['/:tenant/users/:id', '/acme/users/7', '4:acme1:7'],
  ['/:a/:b', '/1/2:3', '1:13:2:3'],
])('%s in %s has the key %j', (pattern, url, key) =>
  expect(find(pattern, url)).toEqual({ kind: 'keyed', key }),
);

test.each([
  '/api/users',
  '/api/users/',
  '/api/users//7',
  '/api/user/7',
  '/api/usersx/7',
  '/x/api/users/7',
  '/API/users/7',
  '/',
  '//api/users/7',
])('/api/users/:id is not in %s', (url) => {
  expect(find('/api/users/:id', url)).toEqual({ kind: 'nothing' });
});

test('two named segments can not be read two ways', () =>
  expect(find('/:a/:b', '/ab/c')).not.toEqual(find('/:a/:b', '/a/bc')));
