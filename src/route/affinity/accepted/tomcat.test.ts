import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { plainFacts } from '../../plain-facts.js';
import { acceptCookies } from '../accept-cookies.js';
import { tomcat } from './tomcat.js';
import { seededRandom } from '../../../testing/seeded-random.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: [
    {},
    null,
    'JSESSIONID',
    { name: 'SID', pathParameter: 'sid', upstreams: { node1: 'api-1' } },
  ].map((options) => ({ formats: [{ tomcat: options }] })),
  refused: ['a b', { pathParameter: '' }, { separator: '!' }, { upstreams: [] }].map((options) => ({
    formats: [{ tomcat: options }],
  })),
  found: { headers: [['cookie', 'JSESSIONID=3F2A.api-2']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2'])) =>
  tomcat.create(tomcat.options.parse(options)).read(value, pool, 0);

test('the route behind the session id is followed', () => {
  expect(read({}, '5D2F1C7A9E0B4D6F8A1B2C3D4E5F6071.api-1')).toEqual({ kind: 'bound', index: 0 });
  expect(read({ upstreams: { node2: 'api-2' } }, '5D2F.node2')).toEqual({ kind: 'bound', index: 1 });
  expect(read({}, '5D2F')).toEqual({ kind: 'nothing' });
});

test('the session may stand in the path, where Java links it without cookies; that counts before a cookie', () => {
  const rule = acceptCookies.create(acceptCookies.options.parse({ formats: [{ tomcat: {} }] }), {
    route: 'default',
    keys: [],
    random: seededRandom(1),
    tokenVerifier: () => {
      throw new Error('not needed');
    },
  });
  const find = (url: string, cookie = '') =>
    rule.find(plainFacts({ nowMs: 0, url, headers: [['cookie', cookie]] }), fakePool(['api-1', 'api-2']));
  for (const url of [
    '/a;jsessionid=5D2F.api-2',
    '/a;jsessionid=5D2F.api-2?b=c',
    '/a;x=y;jsessionid=5D2F.api-2;z',
    '/a;jsessionid=5D2F.api-2/b',
  ])
    expect(find(url)).toEqual({ kind: 'bound', index: 1 });
  expect(find('/a;jsessionid=5D2F.api-2', 'JSESSIONID=5D2F.api-1')).toEqual({ kind: 'bound', index: 1 });
  expect(find('/a;jsessionid=5D2F', 'JSESSIONID=5D2F.api-1')).toEqual({ kind: 'bound', index: 0 });
  for (const url of [
    '/a;jsessionid',
    '/a;jsessionid=',
    '/a;jsessionids=x.api-2',
    '/a?jsessionid=5D2F.api-2',
    '/a?;jsessionid=5D2F.api-2',
  ])
    expect(find(url)).toEqual({ kind: 'nothing' });
});
