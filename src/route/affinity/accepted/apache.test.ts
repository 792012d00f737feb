import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { acceptCookies } from '../accept-cookies.js';
import { apache } from './apache.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: [
    { name: 'ROUTEID' },
    'ROUTEID',
    { name: 'JSESSIONID', pathParameter: 'jsessionid', separator: '!', upstreams: { r1: 'api-1' } },
  ].map((options) => ({ formats: [{ apache: options }] })),
  refused: [
    null,
    {},
    'a b',
    { name: 'R', separator: '..' },
    { name: 'R', separator: '' },
    { name: 'R', separator: ';' },
    { name: 'R', pathParameter: 'a=b' },
    { name: 'R', upstreams: {} },
  ].map((options) => ({ formats: [{ apache: options }] })),
  found: { headers: [['cookie', 'ROUTEID=.api-2']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2'])) =>
  apache.create(apache.options.parse(options)).read(value, pool, 0);

test('the route begins behind the first dot', () => {
  for (const value of ['.api-2', '3F2A.api-2'])
    expect(read('ROUTEID', value)).toEqual({ kind: 'bound', index: 1 });
  expect(read('ROUTEID', '3F2A.x.api-2')).toEqual({ kind: 'gone' });
  expect(read({ name: 'ROUTEID', separator: '!' }, '3F2A.x!api-2')).toEqual({ kind: 'bound', index: 1 });
});

test('a session without a route belongs to nobody', () => {
  for (const value of ['3F2A', '3F2A.', '.']) expect(read('ROUTEID', value)).toEqual({ kind: 'nothing' });
});

test('routes have names of their own', () => {
  const options = { name: 'ROUTEID', upstreams: { r1: 'api-2', r9: 'api-9' } };
  expect(['.r1', '.r9', '.r2', '.api-2'].map((value) => read(options, value))).toEqual([
    { kind: 'bound', index: 1 },
    { kind: 'gone' },
    { kind: 'unreadable' },
    { kind: 'unreadable' },
  ]);
});

test('a route that can be none is unreadable', () => {
  for (const value of [`.${'x'.repeat(129)}`, '.a b', '.\u00e9'])
    expect(read('ROUTEID', value)).toEqual({ kind: 'unreadable' });
});
