import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../base/random.js';
import { fakePool } from '../../testing/fake-pool.js';
import { balances } from '../balance/registry.js';
import { plainFacts } from '../plain-facts.js';
import { decide } from '../router.js';
import { acceptCookies } from './accept-cookies.js';
import { cookieFormats } from './accepted/registry.js';
import { cookie } from './cookie.js';
import type { Found, Rule } from './rule.js';
import { seededRandom } from '../../testing/seeded-random.js';

const NOW = Date.UTC(2027, 0, 1);
const DAY = 86_400_000;
const pool = fakePool(['api-1', 'api-2', 'api-3']);
const context = {
  route: 'default',
  keys: ['a secret for tests of 32 bytes or more'],
  random: seededRandom(1),
  tokenVerifier: () => {
    throw new Error('not needed');
  },
};

const rule = (options: object): Rule => acceptCookies.create(acceptCookies.options.parse(options), context);
const facts = (text: string, nowMs = NOW) => plainFacts({ nowMs, headers: [['cookie', text]] });
const find = (by: Rule, text: string, nowMs = NOW): Found => by.find(facts(text, nowMs), pool);

test('every format stands under its own name', () => {
  expect(cookieFormats.map(({ name }) => name)).toEqual([
    'nginx',
    'haproxy',
    'caddy',
    'traefik',
    'envoy',
    'yarp',
    'apache',
    'tomcat',
  ]);
});

describe('until', () => {
  test('ends it at that instant, to the millisecond', () => {
    const by = rule({ until: '2027-03-01', formats: [{ haproxy: 'S' }] });
    const until = Date.UTC(2027, 2, 1);
    expect(find(by, 'S=api-2', until - 1)).toEqual({ kind: 'bound', index: 1 });
    for (const text of ['S=api-2', 'S=api-9', 'S=!'])
      expect(find(by, text, until)).toEqual({ kind: 'nothing' });
  });

  test('left out: as long as the formats are named', () => {
    expect(find(rule({ formats: [{ haproxy: 'S' }] }), 'S=api-2', NOW + 36_500 * DAY)).toEqual({
      kind: 'bound',
      index: 1,
    });
  });

  test.each(['2027-02-30', 'soon', '2027-03-01T12:00', 1803859200])(
    '%s is refused with what to write',
    (until) => {
      expect(
        JSON.stringify(acceptCookies.options.safeParse({ until, formats: [{ haproxy: 'S' }] }).error?.issues),
      ).toContain('2027-03-01');
    },
  );
});

describe('formats', () => {
  test.each([
    undefined,
    null,
    'haproxy',
    {},
    [],
    [{}],
    ['haproxy'],
    [null],
    [{ haproxi: 'S' }],
    [{ haproxy: 'S', nginx: 'S' }],
    [{ haproxy: undefined }],
    Array.from({ length: 17 }, () => ({ haproxy: 'S' })),
  ])('%j is refused', (formats) => {
    expect(acceptCookies.options.safeParse({ formats }).success).toBe(false);
  });

  test('only those that are named count', () => {
    const by = rule({ formats: [{ haproxy: 'S' }, { tomcat: null }] });
    expect(by.subject).toBe('S, JSESSIONID');
    expect(find(by, 'S=api-2')).toEqual({ kind: 'bound', index: 1 });
    expect(find(by, 'JSESSIONID=5D2F.api-3')).toEqual({ kind: 'bound', index: 2 });
    expect(find(by, 'ROUTEID=.api-1; s=api-1; lb=api-1')).toEqual({ kind: 'nothing' });
  });

  test('the first binding counts, in the order of the formats; then what can be read', () => {
    const by = rule({
      formats: [{ haproxy: 'A' }, { haproxy: { name: 'B', maxIdle: '1h' } }, { apache: 'C' }],
    });
    expect(find(by, 'C=x.api-3; B=api-2; A=api-1')).toEqual({ kind: 'bound', index: 0 });
    expect(find(by, 'A=!"; C=x.api-3')).toEqual({ kind: 'bound', index: 2 });
    expect(find(by, 'A=a b; B=api-2|AAAAA')).toEqual({ kind: 'expired' });
    expect(find(by, 'A=a b; C=x.api-9')).toEqual({ kind: 'gone' });
    expect(find(by, 'A=a b; C=x')).toEqual({ kind: 'unreadable' });
    expect(find(by, 'A=api-9; C=x')).toEqual({ kind: 'gone' });
  });

  test('two formats may share a cookie: a balancer that changed its ways', () => {
    const by = rule({
      formats: [
        { haproxy: { name: 'S', dynamicKey: 'k' } },
        { haproxy: { name: 'S', upstreams: { s1: 'api-1' } } },
      ],
    });
    expect(find(by, 'S=s1')).toEqual({ kind: 'bound', index: 0 });
  });
});

describe('a cookie sent more than once', () => {
  const by = rule({ formats: [{ haproxy: 'S' }] });

  test('the first that binds counts', () =>
    expect(find(by, 'S=a b; S=; S=api-9; S=api-3; S=api-1')).toEqual({ kind: 'bound', index: 2 }));

  test('the ninth is not looked at', () => {
    const bad = (count: number) => 'S=a b; '.repeat(count);
    expect(find(by, `${bad(7)}S=api-1`).kind).toBe('bound');
    expect(find(by, `${bad(8)}S=api-1`).kind).toBe('unreadable');
  });
});

test('an empty value is nothing; one that no browser would keep is unreadable', () => {
  const by = rule({ formats: [{ tomcat: {} }] });
  expect(find(by, 'JSESSIONID=')).toEqual({ kind: 'nothing' });
  expect(find(by, `JSESSIONID=${'x'.repeat(4089)}.api-1`)).toEqual({ kind: 'bound', index: 0 });
  expect(find(by, `JSESSIONID=${'x'.repeat(4091)}.api-1`)).toEqual({ kind: 'unreadable' });
});

describe('with a sealed cookie above it', () => {
  const rules = [cookie.create(cookie.options.parse({}), context), rule({ formats: [{ haproxy: 'S' }] })];
  const balance = balances[0]!;
  const route = (text: string, over = pool) =>
    decide(
      { rules, balance: balance.create(balance.options.parse({})) },
      facts(text),
      over,
      new Uint32Array(3),
      systemRandom,
    );

  test('its user is bound, and needs the old cookie no more', () => {
    const first = route('S=api-2');
    expect([first.index, first.outcome, first.rule?.name, first.why]).toEqual([
      1,
      'bound',
      'acceptCookies',
      undefined,
    ]);
    const [written = '', ...more] = first.writes();
    expect(more).toEqual([]);
    const sealed = written.slice(0, written.indexOf(';'));
    for (const text of [sealed, `${sealed}; S=api-3`]) {
      const next = route(text);
      expect([next.index, next.outcome, next.rule?.name, next.writes()]).toEqual([1, 'bound', 'cookie', []]);
    }
  });

  test('an upstream that left or is down moves its user, who is bound there', () => {
    for (const [text, over] of [
      ['S=api-9', pool],
      ['S=api-2', fakePool(['api-1', 'api-2', 'api-3'], { conditions: { 'api-2': 'down' } })],
    ] as const) {
      const moved = route(text, over);
      expect([moved.outcome, moved.rule?.name, moved.writes().length]).toEqual([
        'rehomed',
        'acceptCookies',
        1,
      ]);
    }
  });

  test('a cookie that can’t be trusted counts as none', () => {
    const none = route('S=a b');
    expect([none.outcome, none.rule, none.why, none.writes().length]).toEqual([
      'balanced',
      undefined,
      'unreadable',
      1,
    ]);
  });
});

describe('a prefix', () => {
  const by = rule({
    until: '2027-03-01',
    formats: [
      { haproxy: { name: 'APP', prefix: true, upstreams: { s1: 'api-1', s2: 'api-2' } } },
      { haproxy: 'S' },
    ],
  });

  test('is taken off the app’s cookie, and nothing else changes', () => {
    for (const [field, forwarded] of [
      ['APP=s1~abc', 'APP=abc'],
      ['a=b;APP=s1~abc;c=d', 'a=b;APP=abc;c=d'],
      ['a=b; APP = s2~"x y" ; S=s1~abc', 'a=b; APP ="x y"; S=s1~abc'],
      ['APP=s1~a; APP=s2~b', 'APP=a; APP=b'],
      ['APP=abc', 'APP=abc'],
      ['APP=s9~abc', 'APP=s9~abc'],
      ['XAPP=s1~a; APPX=s1~a; APP; app=s1~a', 'XAPP=s1~a; APPX=s1~a; APP; app=s1~a'],
      ['', ''],
      ['APP=', 'APP='],
    ] as const)
      expect(by.forwardCookie!(field, pool), field).toBe(forwarded);
  });

  test('is for the formats that have one: other routes pay nothing', () =>
    expect(rule({ formats: [{ haproxy: 'S' }, { tomcat: {} }] }).forwardCookie).toBeUndefined());
});
