import { describe, expect, test } from 'vitest';
import { fakePool } from '../testing/fake-pool.js';
import {
  EXPIRED,
  GONE,
  NOTHING,
  UNREADABLE,
  type Binding,
  type FailurePolicy,
  type Found,
  type Rule,
} from './affinity/rule.js';
import type { Balance } from './balance/balance.js';
import type { Failure } from './outcome.js';
import type { Placement } from './placement/placement.js';
import { plainFacts } from './plain-facts.js';
import { takesNewUsers, type Condition, type PoolSnapshot } from './pool/snapshot.js';
import { hashOfKey } from './sweep.js';
import { prepare } from './preparation.js';
import { decide, type Affinity, type Decision } from './router.js';

const facts = plainFacts({ nowMs: 0 });
const random = { below: () => 0, id: () => '' };

/** The last upstream that takes new users, so that its picks differ from the placement's. */
const lastFirst: Balance = {
  name: 'lastFirst',
  pick: (asked) =>
    asked.pool.upstreams.findLastIndex((_, at) => takesNewUsers(asked.pool, at) && !asked.tried(at)),
};

interface FakeRule {
  found: Found;
  name?: string;
  onFailure?: FailurePolicy;
  binds?: boolean;
}

function fake({ found, name = 'fake', onFailure = 'rehome', binds = true }: FakeRule): Rule {
  const rule: Rule = { name, subject: '', onFailure, find: () => found };
  if (binds)
    rule.bind = (_, pool, index, kept) =>
      `${name}=${pool.upstreams[index]!.id}${kept === undefined ? '' : ` since ${kept.issuedAtMs}`}`;
  return rule;
}

function decideWith(pool: PoolSnapshot, ...rules: Rule[]): Decision {
  return decide({ rules, balance: lastFirst }, facts, pool, [], random);
}

function summary(decision: Decision): string {
  const id = decision.index === -1 ? 'nobody' : decision.pool.upstreams[decision.index]!.id;
  return [
    id,
    decision.outcome,
    `by ${decision.rule?.name ?? 'balance'}`,
    decision.why ?? '-',
    decision.writes().join('; ') || 'no write',
  ].join(', ');
}

const binding = (key: string, over: Partial<Binding> = {}): Binding => ({
  issuedAtMs: 7,
  nonce: 0,
  refreshedAtMs: 7,
  idleMs: 0,
  key,
  identity: hashOfKey(key),
  ...over,
});
const bound = (index: number, { key, isDue = false }: { key?: string; isDue?: boolean } = {}): Found => ({
  kind: 'bound',
  index,
  isRefreshDue: isDue,
  ...(key !== undefined && { binding: binding(key) }),
});
/** `fakePool` places \0 at a, \1 at b and so on. */
const keyed = (owner: number): Found => ({ kind: 'keyed', key: String.fromCharCode(owner) });

const ids = ['a', 'b', 'c', 'd'];

describe('what was found, with every upstream up', () => {
  const cases: [string, Rule[], string][] = [
    [
      'nothing at all goes to the balance and is bound',
      [fake({ found: NOTHING })],
      'd, balanced, by balance, -, fake=d',
    ],
    ['no rules go to the balance', [], 'd, balanced, by balance, -, no write'],
    [
      'an unreadable binding counts as absent and is replaced',
      [fake({ found: UNREADABLE })],
      'd, balanced, by balance, unreadable, fake=d',
    ],
    [
      'an expired binding counts as absent and is replaced',
      [fake({ found: EXPIRED })],
      'd, balanced, by balance, expired, fake=d',
    ],
    ['a binding that is gone is rehomed', [fake({ found: GONE })], 'd, rehomed, by fake, gone, fake=d'],
    [
      'a binding is followed and not written again',
      [fake({ found: bound(1) })],
      'b, bound, by fake, -, no write',
    ],
    [
      'a binding that is due is refreshed',
      [fake({ found: bound(1, { key: '\u0001', isDue: true }) })],
      'b, bound, by fake, -, fake=b since 7',
    ],
    [
      'a due binding of a rule that never binds is not written',
      [fake({ found: bound(1, { key: '\u0001', isDue: true }), binds: false })],
      'b, bound, by fake, -, no write',
    ],
    [
      'a key is placed and not written by its own rule',
      [fake({ found: keyed(2) })],
      'c, keyed, by fake, -, no write',
    ],
    [
      'a key behind an absent cookie is remembered by it',
      [fake({ found: NOTHING, name: 'cookie' }), fake({ found: keyed(2), binds: false })],
      'c, keyed, by fake, -, cookie=c',
    ],
    [
      'a key behind an expired cookie is remembered by it',
      [fake({ found: EXPIRED, name: 'cookie' }), fake({ found: keyed(2) })],
      'c, keyed, by fake, expired, cookie=c',
    ],
    [
      'a key behind a gone cookie rehomes it',
      [fake({ found: GONE, name: 'cookie' }), fake({ found: keyed(2) })],
      'c, rehomed, by cookie, gone, cookie=c',
    ],
    [
      'a binding behind a gone one is followed, not rehomed',
      [fake({ found: GONE, name: 'first' }), fake({ found: bound(1) })],
      'b, bound, by fake, gone, first=b',
    ],
    [
      'a rule behind the one that decides is not asked',
      [fake({ found: keyed(0) }), fake({ found: bound(3), name: 'later' })],
      'a, keyed, by fake, -, no write',
    ],
    [
      'the first reason not to follow is told',
      [fake({ found: UNREADABLE, name: 'one' }), fake({ found: EXPIRED, name: 'two' })],
      'd, balanced, by balance, unreadable, one=d; two=d',
    ],
  ];
  test.each(cases)('%s', (_, rules, expected) =>
    expect(summary(decideWith(fakePool(ids), ...rules))).toBe(expected),
  );
});

describe('found × policy × condition, at the start', () => {
  // b is the upstream in question. A stand-in by rank is c; by the balance, d.
  const cases: [Found, FailurePolicy, Condition | 'draining', string][] = [
    [bound(1), 'rehome', 'up', 'b, bound, by fake, -, no write'],
    [bound(1), 'borrow', 'up', 'b, bound, by fake, -, no write'],
    [bound(1), 'reject', 'up', 'b, bound, by fake, -, no write'],
    [bound(1), 'rehome', 'trial', 'b, bound, by fake, -, no write'],
    [bound(1), 'borrow', 'trial', 'b, bound, by fake, -, no write'],
    [bound(1), 'reject', 'trial', 'b, bound, by fake, -, no write'],
    [bound(1), 'rehome', 'draining', 'b, bound, by fake, -, no write'],
    [bound(1), 'borrow', 'draining', 'b, bound, by fake, -, no write'],
    [bound(1), 'reject', 'draining', 'b, bound, by fake, -, no write'],
    [bound(1), 'rehome', 'down', 'd, rehomed, by fake, down, fake=d'],
    [bound(1, { key: '\u0001' }), 'rehome', 'down', 'c, rehomed, by fake, down, fake=c since 7'],
    [bound(1), 'borrow', 'down', 'd, borrowed, by fake, down, no write'],
    [bound(1, { key: '\u0001' }), 'borrow', 'down', 'c, borrowed, by fake, down, no write'],
    [bound(1, { key: '\u0001', isDue: true }), 'borrow', 'down', 'c, borrowed, by fake, down, no write'],
    [bound(1), 'reject', 'down', 'nobody, rejected, by fake, down, no write'],
    [keyed(1), 'rehome', 'up', 'b, keyed, by fake, -, no write'],
    [keyed(1), 'borrow', 'up', 'b, keyed, by fake, -, no write'],
    [keyed(1), 'reject', 'up', 'b, keyed, by fake, -, no write'],
    [keyed(1), 'rehome', 'trial', 'b, keyed, by fake, -, no write'],
    [keyed(1), 'borrow', 'trial', 'b, keyed, by fake, -, no write'],
    [keyed(1), 'reject', 'trial', 'b, keyed, by fake, -, no write'],
    [keyed(1), 'rehome', 'draining', 'c, rehomed, by fake, draining, no write'],
    [keyed(1), 'borrow', 'draining', 'c, borrowed, by fake, draining, no write'],
    [keyed(1), 'reject', 'draining', 'nobody, rejected, by fake, draining, no write'],
    [keyed(1), 'rehome', 'down', 'c, rehomed, by fake, down, no write'],
    [keyed(1), 'borrow', 'down', 'c, borrowed, by fake, down, no write'],
    [keyed(1), 'reject', 'down', 'nobody, rejected, by fake, down, no write'],
    ...(['rehome', 'borrow', 'reject'] as const).flatMap(
      (policy): [Found, FailurePolicy, Condition | 'draining', string][] =>
        (['up', 'trial', 'draining', 'down'] as const).flatMap(
          (condition): [Found, FailurePolicy, Condition | 'draining', string][] => [
            [NOTHING, policy, condition, 'd, balanced, by balance, -, fake=d'],
            [UNREADABLE, policy, condition, 'd, balanced, by balance, unreadable, fake=d'],
            [EXPIRED, policy, condition, 'd, balanced, by balance, expired, fake=d'],
            [GONE, policy, condition, 'd, rehomed, by fake, gone, fake=d'],
          ],
        ),
    ),
  ];
  test.each(cases)('%j with %s, its upstream %s', (found, onFailure, condition, expected) => {
    const pool =
      condition === 'draining'
        ? fakePool(ids, { draining: ['b'] })
        : fakePool(ids, { conditions: { b: condition } });
    expect(summary(decideWith(pool, fake({ found, onFailure })))).toBe(expected);
  });
});

describe('found × policy × failure, after the first try', () => {
  const both: Failure[] = ['unreachable', 'broken'];
  const cases: [Found, FailurePolicy, Failure, string][] = [
    [bound(1, { key: '\u0001' }), 'rehome', 'unreachable', 'c, rehomed, by fake, down, fake=c since 7'],
    [bound(1, { key: '\u0001' }), 'rehome', 'broken', 'c, borrowed, by fake, down, no write'],
    [bound(1), 'rehome', 'broken', 'd, borrowed, by fake, down, no write'],
    [bound(1, { key: '\u0001' }), 'borrow', 'unreachable', 'c, borrowed, by fake, down, no write'],
    [bound(1, { key: '\u0001' }), 'borrow', 'broken', 'c, borrowed, by fake, down, no write'],
    [bound(1), 'reject', 'unreachable', 'nobody, rejected, by fake, down, no write'],
    [bound(1), 'reject', 'broken', 'nobody, rejected, by fake, down, no write'],
    [keyed(1), 'rehome', 'unreachable', 'c, rehomed, by fake, down, no write'],
    [keyed(1), 'rehome', 'broken', 'c, borrowed, by fake, down, no write'],
    [keyed(1), 'borrow', 'unreachable', 'c, borrowed, by fake, down, no write'],
    [keyed(1), 'borrow', 'broken', 'c, borrowed, by fake, down, no write'],
    [keyed(1), 'reject', 'unreachable', 'nobody, rejected, by fake, down, no write'],
    [keyed(1), 'reject', 'broken', 'nobody, rejected, by fake, down, no write'],
    ...(['rehome', 'borrow', 'reject'] as const).flatMap((policy) =>
      both.flatMap((failure): [Found, FailurePolicy, Failure, string][] => [
        [NOTHING, policy, failure, 'c, balanced, by balance, -, fake=c'],
        [UNREADABLE, policy, failure, 'c, balanced, by balance, unreadable, fake=c'],
        [EXPIRED, policy, failure, 'c, balanced, by balance, expired, fake=c'],
        [GONE, policy, failure, 'c, rehomed, by fake, gone, fake=c'],
      ]),
    ),
  ];
  test.each(cases)('%j with %s, the try %s', (found, onFailure, failure, expected) => {
    const decision = decideWith(fakePool(ids), fake({ found, onFailure }));
    decision.next(failure);
    expect(summary(decision)).toBe(expected);
  });

  test.each(both)('a cookie is not written while its key borrows, the try %s', (failure) => {
    const decision = decideWith(
      fakePool(ids),
      fake({ found: NOTHING, name: 'cookie' }),
      fake({ found: keyed(1), onFailure: 'borrow' }),
    );
    decision.next(failure);
    expect(summary(decision)).toBe('c, borrowed, by fake, down, no write');
  });
});

describe('the walk', () => {
  const policies: FailurePolicy[] = ['rehome', 'borrow'];
  test.each(policies)('tries every upstream once, then nobody, with %s', (onFailure) => {
    for (const found of [NOTHING, GONE, bound(1), bound(1, { key: 'k' }), keyed(1)]) {
      const decision = decideWith(fakePool(ids), fake({ found, onFailure }));
      const order = [decision.index];
      while (decision.next('broken') !== -1) order.push(decision.index);
      expect([...order].sort()).toEqual([0, 1, 2, 3]);
      expect(decision.outcome).toBe('rejected');
      expect(decision.writes()).toEqual([]);
      expect(decision.next('broken')).toBe(-1);
    }
  });

  test('a binding keeps the stand-in of a later rule when its upstream is away', () => {
    const pool = fakePool(ids, { conditions: { b: 'down' } });
    for (const onFailure of policies) {
      const decision = decideWith(
        pool,
        fake({ found: bound(1, { key: '\u0003' }), onFailure }),
        fake({ found: NOTHING }),
        fake({ found: keyed(0), name: 'header' }),
      );
      expect(pool.upstreams[decision.index]!.id).toBe('a');
    }
  });

  test('a stand-in that fails as well keeps outcome and reason', () => {
    const draining = decideWith(
      fakePool(ids, { draining: ['b'] }),
      fake({ found: keyed(1), onFailure: 'borrow' }),
    );
    draining.next('unreachable');
    expect(summary(draining)).toBe('d, borrowed, by fake, draining, no write');
    const moved = decideWith(fakePool(ids, { conditions: { b: 'down' } }), fake({ found: bound(1) }));
    moved.next('broken');
    expect(summary(moved)).toBe('c, rehomed, by fake, down, fake=c');
    const lent = decideWith(fakePool(ids), fake({ found: bound(1) }));
    lent.next('broken');
    lent.next('unreachable');
    expect(summary(lent)).toBe('c, borrowed, by fake, down, no write');
  });

  test('a rejected request is not brought back by another next', () => {
    const decision = decideWith(fakePool(ids), fake({ found: bound(1), onFailure: 'reject' }));
    decision.next('broken');
    expect(decision.next('broken')).toBe(-1);
    expect(decision.outcome).toBe('rejected');
  });

  test('an upstream that is out takes nobody, bound users included; down comes before out', () => {
    const pool = fakePool(ids, { out: ['b'] });
    expect(summary(decideWith(pool, fake({ found: bound(1) })))).toMatch(
      /^[acd], rehomed, by fake, out, fake=/,
    );
    const keyedToIt = fake({ found: keyed(1), onFailure: 'reject' });
    expect(summary(decideWith(pool, keyedToIt))).toBe('nobody, rejected, by fake, out, no write');
    const both = fakePool(ids, { out: ['b'], conditions: { b: 'down' } });
    expect(decideWith(both, fake({ found: bound(1) })).why).toBe('down');
  });

  test('draining and down upstreams are passed over for someone new', () => {
    const pool = fakePool(ids, { draining: ['d'], conditions: { c: 'down' } });
    expect(summary(decideWith(pool, fake({ found: NOTHING })))).toBe('b, balanced, by balance, -, fake=b');
    expect(summary(decideWith(pool, fake({ found: keyed(2), onFailure: 'rehome' })))).toBe(
      'a, rehomed, by fake, down, no write',
    );
  });

  test('an empty pool and a pool that is down reject everybody, for that reason', () => {
    const down = fakePool(['a'], { conditions: { a: 'down' } });
    for (const pool of [fakePool([]), down]) {
      for (const found of [NOTHING, UNREADABLE, EXPIRED, GONE, keyed(0)]) {
        const decision = decideWith(pool, fake({ found, onFailure: 'borrow' }));
        expect([decision.index, decision.outcome, decision.why, decision.writes()]).toEqual([
          -1,
          'rejected',
          'down',
          [],
        ]);
      }
    }
  });
});

describe('a placement that wants to know who can be used', () => {
  /**
   * Places a key at its number among those that are left, as HAProxy's map does, and gives up after two of
   * them, as nginx does after 20.
   */
  function agreeing(pool: PoolSnapshot, asked: () => void = () => {}): PoolSnapshot {
    const over = (indexes: readonly number[]): Placement => {
      const rank = (key: string): number[] => {
        const at = key.charCodeAt(0) % indexes.length;
        return key === '' ? [] : [...indexes.slice(at), ...indexes.slice(0, at)].slice(0, 2);
      };
      return {
        ...pool.placement,
        owner: (key) => rank(key)[0] ?? -1,
        rank,
        among: (isUsable) => (asked(), over([0, 1, 2, 3].filter(isUsable))),
      };
    };
    return { ...pool, placement: over([0, 1, 2, 3]) };
  }
  const one = (index: number, onFailure: FailurePolicy): Rule => fake({ found: keyed(index), onFailure });

  test('is asked once for a snapshot', () => {
    let asked = 0;
    const pool = agreeing(fakePool(ids, { conditions: { a: 'down' } }), () => asked++);
    for (let i = 0; i < 5; i++) decideWith(pool, one(0, 'borrow')).next('broken');
    expect(asked).toBe(1);
  });

  test("keys stay keyed where the others' absence moves them", () => {
    const pool = agreeing(fakePool(ids, { conditions: { a: 'down' } }));
    expect(summary(decideWith(pool, one(1, 'reject')))).toBe('c, keyed, by fake, -, no write');
  });

  test('the stand-in for an upstream that is away is the one that it names then, by the policy', () => {
    const pool = agreeing(fakePool(ids, { conditions: { b: 'down' } }));
    expect(summary(decideWith(pool, one(1, 'borrow')))).toBe('c, borrowed, by fake, down, no write');
    expect(summary(decideWith(pool, one(1, 'rehome')))).toBe('c, rehomed, by fake, down, no write');
    expect(summary(decideWith(pool, one(1, 'reject')))).toBe('nobody, rejected, by fake, down, no write');
    expect(summary(decideWith(agreeing(fakePool(ids, { draining: ['b'] })), one(1, 'borrow')))).toBe(
      'c, borrowed, by fake, draining, no write',
    );
  });

  test('where it gives up the balance goes on with those that are left, and says so', () => {
    const decision = decideWith(agreeing(fakePool(ids)), one(0, 'rehome'));
    decision.next('unreachable');
    expect(summary(decision)).toBe('b, rehomed, by fake, down, no write');
    decision.next('unreachable');
    expect(summary(decision)).toBe('d, balanced, by balance, down, no write');
    decision.next('unreachable');
    expect(summary(decision)).toBe('c, balanced, by balance, down, no write');
    expect([decision.next('unreachable'), decision.outcome]).toEqual([-1, 'rejected']);
  });

  test('a cookie remembers whom the balance chose, unless the key only borrows', () => {
    const after = (onFailure: FailurePolicy): string => {
      const decision = decideWith(
        agreeing(fakePool(ids)),
        fake({ found: NOTHING, name: 'cookie' }),
        one(0, onFailure),
      );
      decision.next('unreachable');
      decision.next('unreachable');
      return summary(decision);
    };
    expect(after('rehome')).toBe('d, balanced, by balance, down, cookie=d');
    expect(after('borrow')).toBe('d, balanced, by balance, down, no write');
  });

  test('a key that it does not place is balanced, whatever the policy', () => {
    const decision = decideWith(
      agreeing(fakePool(ids)),
      fake({ found: { kind: 'keyed', key: '' }, onFailure: 'reject' }),
    );
    expect(summary(decision)).toBe('d, balanced, by balance, -, no write');
    decision.next('broken');
    expect(summary(decision)).toBe('c, balanced, by balance, -, no write');
  });

  test('a moved binding stays moved where the balance goes on', () => {
    const pool = agreeing(fakePool(ids, { conditions: { b: 'down' } }));
    const decision = decideWith(pool, fake({ found: bound(1, { key: '' }), onFailure: 'borrow' }));
    expect(summary(decision)).toBe('d, borrowed, by fake, down, no write');
  });
});

describe('prepare', () => {
  function slow(found: { value: Found }, settles: () => void, name = 'slow'): Rule & { asked: number } {
    const rule = {
      name,
      subject: '',
      onFailure: 'borrow' as const,
      asked: 0,
      find: () => found.value,
      prepare: () => {
        rule.asked++;
        return Promise.resolve().then(settles);
      },
    };
    return rule;
  }
  const affinity = (...rules: Rule[]): Affinity => ({ rules, balance: lastFirst });

  test('needs nothing of rules that answer at once', () => {
    expect(
      prepare(affinity(fake({ found: NOTHING }), fake({ found: keyed(1) })), facts, fakePool(ids)),
    ).toBeUndefined();
    expect(prepare(affinity(), facts, fakePool(ids))).toBeUndefined();
  });

  test('does not ask a rule behind one that decides', () => {
    const later = slow({ value: NOTHING }, () => {});
    expect(prepare(affinity(fake({ found: bound(1) }), later), facts, fakePool(ids))).toBeUndefined();
    expect(prepare(affinity(fake({ found: keyed(1) }), later), facts, fakePool(ids))).toBeUndefined();
    expect(later.asked).toBe(0);
  });

  test('asks a rule behind a binding whose upstream is away: it may name the stand-in', async () => {
    const found: { value: Found } = { value: UNREADABLE };
    const rules = [fake({ found: bound(1) }), slow(found, () => (found.value = keyed(0)))];
    const pool = fakePool(ids, { conditions: { b: 'down' } });
    await prepare(affinity(...rules), facts, pool);
    expect(summary(decideWith(pool, ...rules))).toBe('a, rehomed, by fake, down, fake=a');
  });

  test('waits for a rule once, also when that taught it nothing', async () => {
    const first = slow({ value: UNREADABLE }, () => {}, 'first');
    const second = slow({ value: UNREADABLE }, () => {}, 'second');
    await prepare(affinity(first, second), facts, fakePool(ids));
    expect([first.asked, second.asked]).toEqual([1, 1]);
  });

  test('stops at a rule that has found something meanwhile', async () => {
    const found: { value: Found } = { value: UNREADABLE };
    const first = slow(found, () => (found.value = keyed(1)), 'first');
    const second = slow({ value: UNREADABLE }, () => {}, 'second');
    await prepare(affinity(first, second), facts, fakePool(ids));
    expect([first.asked, second.asked]).toEqual([1, 0]);
  });
});
