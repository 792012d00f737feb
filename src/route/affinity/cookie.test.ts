import { describe, expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import type { RequestFacts } from '../facts.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { plainFacts } from '../plain-facts.js';
import { cookie } from './cookie.js';
import type { RuleContext } from './definition.js';
import type { Binding, Rule } from './rule.js';

const NOW = 1_700_000_000_000;
const SECOND = 1000;
const HOUR = 3_600_000;
const pool = fakePool(['api-1', 'api-2', 'api-3']);

const context = (over: Partial<RuleContext> = {}): RuleContext => ({
  route: 'default',
  keys: ['first secret, first secret, first'],
  random: seededRandom(1),
  tokenVerifier: () => {
    throw new Error('not needed');
  },
  ...over,
});
const rule = (options: unknown = {}, over: Partial<RuleContext> = {}): Rule =>
  cookie.create(cookie.options.parse(options), context(over));
const at = (nowMs: number, ...cookies: string[]): RequestFacts =>
  plainFacts({ nowMs, headers: cookies.map((text) => ['cookie', text] as const) });
const pair = (setCookie: string): string => setCookie.slice(0, setCookie.indexOf(';'));
const since = (issuedAtMs: number): Binding => ({
  issuedAtMs,
  nonce: 7,
  refreshedAtMs: issuedAtMs,
  idleMs: 0,
  key: '',
  identity: 0,
});
const written = (by: Rule, nowMs = NOW, index = 1, binding?: Binding): string =>
  pair(by.bind!(at(nowMs), pool, index, binding));

for (const { name, run } of ruleContract({
  definition: cookie,
  accepted: [
    { name: 'sr', idle: '1h', absolute: '12h', onFailure: 'rehome' },
    {},
    null,
    'sr',
    { absolute: '400d' },
    { name: '__Host-sr', secure: 'always' },
    { name: '__Secure-sr', secure: 'always', domain: 'example.org', path: '/api' },
    { sameSite: 'none', secure: 'always', partitioned: true },
  ],
  refused: [
    '',
    'a b',
    'a;b',
    'a=b',
    { name: 5 },
    { path: 'api' },
    { path: '/a;b' },
    { path: '/\r\n' },
    { path: '/\u007f' },
    { domain: 'a;b' },
    { domain: 'a b' },
    { domain: '' },
    { domain: 'a..b' },
    { idle: 60 },
    { idle: '1' },
    { idle: '0s' },
    { idle: '500ms' },
    { idle: '1.5s' },
    { absolute: '401d' },
    { idle: '2h', absolute: '1h' },
    { name: '__Host-sr' },
    { name: '__host-sr', secure: 'auto' },
    { name: '__Host-sr', secure: 'always', path: '/a' },
    { name: '__Host-sr', secure: 'always', domain: 'example.org' },
    { name: '__Secure-sr', secure: 'never' },
    { sameSite: 'none' },
    { partitioned: true },
    { secure: true },
    { sameSite: 'Lax' },
    { httpOnly: 'yes' },
  ],
}))
  test(`contract: ${name}`, run);

describe('what it writes', () => {
  const attributes = (options: unknown, isSecure = false): string => {
    const text = rule(options).bind!(plainFacts({ nowMs: NOW, isSecure }), pool, 0);
    return text.replace(/^([^=]+)=[A-Za-z0-9_-]{80}/, '$1=…');
  };

  test.each<[unknown, boolean, string]>([
    [{}, false, 'sr=…; Path=/; HttpOnly; SameSite=Lax'],
    [{}, true, '__Secure-sr=…; Path=/; HttpOnly; SameSite=Lax; Secure'],
    [{ secure: 'never' }, true, 'sr=…; Path=/; HttpOnly; SameSite=Lax'],
    [{ secure: 'always' }, false, 'sr=…; Path=/; HttpOnly; SameSite=Lax; Secure'],
    [
      { name: 'a', path: '/x', domain: 'example.org', httpOnly: false, sameSite: 'strict' },
      false,
      'a=…; Path=/x; Domain=example.org; SameSite=Strict',
    ],
    [
      { sameSite: 'none', secure: 'always', partitioned: true },
      true,
      'sr=…; Path=/; HttpOnly; SameSite=None; Secure; Partitioned',
    ],
    [{ idle: '30s' }, false, 'sr=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=30'],
    [{ absolute: '2h' }, false, 'sr=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=7200'],
    [
      { idle: '1h', absolute: '2h' },
      true,
      '__Secure-sr=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure',
    ],
  ])('%j, secure %s', (options, isSecure, expected) => expect(attributes(options, isSecure)).toBe(expected));

  test('Max-Age is never more than what is left of the absolute limit', () => {
    const by = rule({ idle: '1h', absolute: '12h' });
    const refreshed = by.bind!(at(NOW + 11.5 * HOUR), pool, 0, since(NOW));
    expect(refreshed).toContain('; Max-Age=1800');
    expect(by.bind!(at(NOW + 12 * HOUR), pool, 0, since(NOW))).toContain('; Max-Age=1');
  });

  test('needs something to seal with', () => {
    expect(() => rule({}, { keys: [] })).toThrow(expect.objectContaining({ code: 'STICKY_CONFIG_INVALID' }));
  });

  test.each([
    [{ name: '__Host-sr' }, 'secure: always'],
    [{ sameSite: 'none' }, 'secure: always'],
    [{ idle: 60 }, '30s'],
    [{ idle: '500ms' }, 'whole seconds'],
    [{ secure: 'yes' }, 'auto, always or never'],
    [{ idle: '2h', absolute: '1h' }, 'no longer than the absolute'],
  ])('%j is refused with what to write', (options, message) => {
    expect(JSON.stringify(cookie.options.safeParse(options).error?.issues)).toContain(message);
  });
});

describe('the idle limit', () => {
  const by = rule({ idle: '10s' });
  const text = written(by);

  test('is kept to the millisecond', () => {
    expect(by.find(at(NOW + 10 * SECOND, text), pool)).toMatchObject({ kind: 'bound', index: 1 });
    expect(by.find(at(NOW + 10 * SECOND + 1, text), pool)).toEqual({ kind: 'expired' });
  });

  test('is checked again for a cookie that was good a moment ago', () => {
    expect(by.find(at(NOW, text), pool).kind).toBe('bound');
    expect(by.find(at(NOW + 11 * SECOND, text), pool).kind).toBe('expired');
    expect(by.find(at(NOW + 1, text), fakePool(['api-1'])).kind).toBe('gone');
  });

  test.each([
    ['1s', 100],
    ['10s', 1000],
    ['1h', 60_000],
    ['30d', 60_000],
  ])('of %s asks for a refresh after %d ms, not on every response', (idle, dueMs) => {
    const sliding = rule({ idle });
    const fresh = written(sliding);
    expect(sliding.find(at(NOW + dueMs, fresh), pool)).toMatchObject({ isRefreshDue: false });
    expect(sliding.find(at(NOW + dueMs + 1, fresh), pool)).toMatchObject({
      kind: 'bound',
      isRefreshDue: true,
      binding: { issuedAtMs: NOW },
    });
  });

  test('slides with every refresh, which keeps the key and the upstream', () => {
    const key = keyOf(by, NOW, text);
    let current = text;
    for (let now = NOW; now <= NOW + HOUR; now += 9 * SECOND) {
      const found = by.find(at(now, current), pool);
      if (found.kind !== 'bound') throw new Error(`found ${found.kind} after ${now - NOW} ms`);
      expect([found.index, found.binding?.key]).toEqual([1, key]);
      if (found.isRefreshDue === true) current = written(by, now, 1, found.binding);
    }
    expect(current).not.toBe(text);
  });
});

function keyOf(by: Rule, nowMs: number, text: string): string | undefined {
  const found = by.find(at(nowMs, text), pool);
  return found.kind === 'bound' ? found.binding?.key : undefined;
}

describe('the absolute limit', () => {
  test('ends a binding however often it was refreshed', () => {
    const by = rule({ idle: '1h', absolute: '12h' });
    const refreshed = written(by, NOW + 12 * HOUR - 1, 1, since(NOW));
    expect(by.find(at(NOW + 12 * HOUR, refreshed), pool).kind).toBe('bound');
    expect(by.find(at(NOW + 12 * HOUR + 1, refreshed), pool).kind).toBe('expired');
  });

  test('alone asks for no refresh', () => {
    const by = rule({ absolute: '12h' });
    expect(by.find(at(NOW + 11 * HOUR, written(by)), pool)).toMatchObject({ isRefreshDue: false });
  });

  test('and idle left out: a cookie lives as long as its secret', () => {
    const by = rule();
    expect(by.find(at(NOW + 10_000 * HOUR, written(by)), pool)).toMatchObject({
      kind: 'bound',
      index: 1,
      isRefreshDue: false,
    });
  });
});

describe('limits that differ between cookie and configuration', () => {
  test('the stricter counts', () => {
    const strict = rule({ idle: '10s', absolute: '20s' });
    const loose = rule({ idle: '1h', absolute: '2h' });
    const none = rule();
    for (const [writer, reader] of [
      [strict, loose],
      [loose, strict],
      [strict, none],
      [none, strict],
    ] as const) {
      expect(reader.find(at(NOW + 10 * SECOND, written(writer)), pool).kind).toBe('bound');
      expect(reader.find(at(NOW + 10 * SECOND + 1, written(writer)), pool).kind).toBe('expired');
      const refreshed = written(writer, NOW + 19 * SECOND, 1, since(NOW));
      expect(reader.find(at(NOW + 20 * SECOND + 1, refreshed), pool).kind).toBe('expired');
    }
  });
});

describe('clocks', () => {
  test('up to a minute ahead is a gateway whose clock differs; more is unreadable', () => {
    const by = rule({ idle: '10s' });
    expect(by.find(at(NOW - 60 * SECOND, written(by)), pool)).toMatchObject({ kind: 'bound' });
    expect(by.find(at(NOW - 60 * SECOND - 1, written(by)), pool).kind).toBe('unreadable');
    expect(by.find(at(NOW - 60 * SECOND - 1, written(by, NOW, 1, since(NOW - HOUR))), pool).kind).toBe(
      'unreadable',
    );
    expect(by.find(at(NOW, written(by, NOW, 1, since(NOW + 60 * SECOND + 1))), pool).kind).toBe('unreadable');
  });
});

describe('rotation', () => {
  test('a cookie of an older secret is followed and refreshed with the first', () => {
    const old = 'first secret, first secret, first';
    const rotated = rule({}, { keys: ['second secret, second secret, 2nd', old] });
    const found = rotated.find(at(NOW + 1, written(rule())), pool);
    expect(found).toMatchObject({
      kind: 'bound',
      index: 1,
      isRefreshDue: true,
      binding: { issuedAtMs: NOW },
    });
    const renewed = written(rotated, NOW + 1, 1, since(NOW));
    expect(rotated.find(at(NOW + 1, renewed), pool)).toMatchObject({
      kind: 'bound',
      index: 1,
      isRefreshDue: false,
    });
    expect(rule().find(at(NOW + 1, renewed), pool).kind).toBe('unreadable');
  });
});

describe('a cookie sent more than once', () => {
  const by = rule({ idle: '10s' });
  const good = written(by);
  const old = written(by, NOW - HOUR);

  test('the first valid one counts, wherever it stands', () => {
    for (const cookies of [
      [good, 'sr=x'],
      ['sr=x', good],
      [old, good],
      ['sr=', old, 'sr=x', good],
    ]) {
      expect(by.find(at(NOW, cookies.join('; ')), pool)).toMatchObject({ kind: 'bound', index: 1 });
    }
  });

  test('without a valid one a genuine one says why', () => {
    expect(by.find(at(NOW, 'sr=x', old), pool).kind).toBe('expired');
    expect(by.find(at(NOW, 'sr=x', 'sr=y'), pool).kind).toBe('unreadable');
    expect(by.find(at(NOW, 'sr=x', good), fakePool(['api-3'])).kind).toBe('gone');
  });

  test('the ninth is not looked at', () => {
    const bad = (count: number) => Array.from({ length: count }, () => 'sr=x');
    expect(by.find(at(NOW, ...bad(7), good), pool).kind).toBe('bound');
    expect(by.find(at(NOW, ...bad(8), good), pool).kind).toBe('unreadable');
  });
});

test('another cookie’s name is not ours', () => {
  expect(rule().find(at(NOW, `SR=${'x'.repeat(80)}; sr2=y; xsr=z`), pool)).toEqual({ kind: 'nothing' });
});

test('a cookie of another route or secret is unreadable', () => {
  for (const other of [
    rule({}, { route: 'admin' }),
    rule({}, { keys: ['somebody else’s secret, 32 bytes'] }),
  ]) {
    expect(rule().find(at(NOW, written(other)), pool)).toEqual({ kind: 'unreadable' });
  }
});
