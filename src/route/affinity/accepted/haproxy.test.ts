import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { acceptCookies } from '../accept-cookies.js';
import { haproxy } from './haproxy.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: [
    { name: 'SERVERID', upstreams: { s1: 'api-1', s2: 'api-2' } },
    'SERVERID',
    { name: 'SERVERID', maxIdle: '30m', maxLife: '8h' },
    { name: 'S', dynamicKey: 'k' },
    { name: 'APP', prefix: true, dynamicKey: 'k' },
  ].map((options) => ({ formats: [{ haproxy: options }] })),
  refused: [
    null,
    {},
    'a b',
    { name: 'S', upstreams: { s1: 'api-1' }, dynamicKey: 'k' },
    { name: 'S', dynamicKey: '' },
    { name: 'S', maxIdle: 30 },
    { name: 'S', maxLife: '500ms' },
    { name: 'S', prefix: true, maxIdle: '1h' },
    { name: 'S', prefix: true, maxLife: '1h' },
    { name: 'S', prefix: 'yes' },
    { name: 'S', mode: 'insert' },
  ].map((options) => ({ formats: [{ haproxy: options }] })),
  found: { headers: [['cookie', 'SERVERID=s2']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2']), nowMs = 0) =>
  haproxy.create(haproxy.options.parse(options)).read(value, pool, nowMs);
const named = { name: 'SERVERID', upstreams: { s1: 'api-1', s2: 'api-2', s3: 'api-9' } };

test('a value is the text behind cookie of its line', () => {
  expect(['s1', 's2', 's3', 's4', 'api-1'].map((value) => read(named, value).kind)).toEqual([
    'bound',
    'bound',
    'gone',
    'unreadable',
    'unreadable',
  ]);
  expect(['api-2', 'api-9'].map((value) => read('SERVERID', value))).toEqual([
    { kind: 'bound', index: 1 },
    { kind: 'gone' },
  ]);
});

test('what HAProxy can’t have written is unreadable', () => {
  for (const value of [
    's1|',
    's1|x',
    's1|bBpzS|',
    's1|bBpzS|bBp',
    's1|bBpzS|bBpzS|',
    '|bBpzS',
    's1|bBp-S',
    's 1',
    'x'.repeat(129),
  ])
    expect(read(named, value), value).toEqual({ kind: 'unreadable' });
});

// HAProxy 2.6.12 wrote it at this instant, with maxidle and maxlife; it counts in steps of four seconds,
// rounded up.
const WRITTEN_AT = Date.parse('2026-11-22T18:19:41Z');
const WRITTEN = 's2|awMyP|awMyP';
const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (ms: number, options: object = {}) =>
  read({ ...named, ...options }, WRITTEN, undefined, WRITTEN_AT + ms);

test('without limits its dates say nothing', () => {
  for (const ms of [-20 * 365 * DAY, 0, 20 * 365 * DAY]) expect(at(ms)).toEqual({ kind: 'bound', index: 1 });
});

test.each(['maxIdle', 'maxLife'])('%s ends it', (limit) => {
  expect(at(HOUR - 5 * SECOND, { [limit]: '1h' })).toEqual({ kind: 'bound', index: 1 });
  expect(at(HOUR + 5 * SECOND, { [limit]: '1h' })).toEqual({ kind: 'expired' });
});

const NOW = 'awMyP';
const DAY_AGO = 'awHgv';

test('idle and life have a date each', () => {
  const both = { ...named, maxIdle: '1h', maxLife: '2d' };
  expect(read(both, `s2|${NOW}|${DAY_AGO}`, undefined, WRITTEN_AT).kind).toBe('bound');
  expect(read(both, `s2|${DAY_AGO}|${NOW}`, undefined, WRITTEN_AT).kind).toBe('expired');
  expect(read({ ...both, maxLife: '12h' }, `s2|${NOW}|${DAY_AGO}`, undefined, WRITTEN_AT).kind).toBe(
    'expired',
  );
  expect(read(both, `s2|${DAY_AGO}`, undefined, WRITTEN_AT).kind).toBe('expired');
  expect(
    read({ ...both, maxIdle: '2d', maxLife: '1h' }, `s2|${DAY_AGO}`, undefined, WRITTEN_AT).kind,
    'no first date',
  ).toBe('bound');
  expect(read(both, 's2', undefined, WRITTEN_AT).kind, 'no dates').toBe('bound');
});

test('a date up to a day ahead is a clock that was set wrong, as in HAProxy; more is unreadable', () => {
  expect(at(-DAY + 5 * SECOND, { maxIdle: '1h' }).kind).toBe('bound');
  expect(at(-DAY - 5 * SECOND, { maxIdle: '1h' }).kind).toBe('unreadable');
});

// What HAProxy 2.6.12 sets for `server a 127.0.0.1:9001`, `server b 127.0.0.1:9002`, `server c ::1:9004` with
// `dynamic-cookie-key a-shared-key`.
const DYNAMIC = ['f4c38205835b78f5', '955564c90cd89065', '141dd5b90b47fa81'];

test('a dynamic value is followed with its key', () => {
  const two = fakePool(['api-1', 'api-2']);
  const pool = {
    ...two,
    upstreams: [...two.upstreams, { id: 'six', url: 'http://[::1]:9004', weight: 1, draining: false }],
  };
  DYNAMIC.forEach((value, index) => {
    expect(read({ name: 'S', dynamicKey: 'a-shared-key' }, value, pool)).toEqual({ kind: 'bound', index });
    expect(read({ name: 'S', dynamicKey: 'another key' }, value, pool)).toEqual({ kind: 'gone' });
  });
  for (const value of ['x', DYNAMIC[0]!.toUpperCase(), `${DYNAMIC[0]!}0`, 'api-1'])
    expect(read({ name: 'S', dynamicKey: 'a-shared-key' }, value, pool)).toEqual({ kind: 'unreadable' });
});

test('a dynamic value is made of an address: a host name needs one beside it', () => {
  const [upstream] = [{ id: 'a', url: 'http://app1:8080', weight: 1, draining: false }];
  const options = { name: 'S', dynamicKey: 'a-shared-key' };
  expect(read(options, DYNAMIC[0]!, { ...fakePool(['a']), upstreams: [upstream] })).toEqual({ kind: 'gone' });
  expect(
    read(options, DYNAMIC[0]!, {
      ...fakePool(['a']),
      upstreams: [{ ...upstream, address: '127.0.0.1:9001' }],
    }),
  ).toEqual({ kind: 'bound', index: 0 });
});

test('a prefix is taken off, whatever stands behind it', () => {
  const cookie = haproxy.create(haproxy.options.parse({ ...named, name: 'APP', prefix: true }));
  const pool = fakePool(['api-1', 'api-2']);
  for (const [value, found, app] of [
    ['s2~3F2A', 'bound', '3F2A'],
    ['s2~', 'bound', ''],
    ['s1~a~b', 'bound', 'a~b'],
    ['s1~s2~a', 'bound', 's2~a'],
    ['s3~3F2A', 'gone', '3F2A'],
    ['s1~"a b"', 'bound', '"a b"'],
    // The app's own values, and what HAProxy never wrote.
    ['3F2A', 'nothing', '3F2A'],
    ['a~b', 'nothing', 'a~b'],
    ['~a', 'nothing', '~a'],
    ['s1', 'nothing', 's1'],
    ['S1~a', 'nothing', 'S1~a'],
    ['xs1~a', 'nothing', 'xs1~a'],
    [`${'s'.repeat(200)}~a`, 'nothing', `${'s'.repeat(200)}~a`],
  ] as const) {
    expect([cookie.read(value, pool, 0).kind, cookie.appValue!(value, pool)], value).toEqual([found, app]);
  }
});
