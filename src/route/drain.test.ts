import { describe, expect, it } from 'vitest';
import { fakePool } from '../testing/fake-pool.js';
import { seededRandom } from '../testing/seeded-random.js';
import { cookie } from './affinity/cookie.js';
import { header } from './affinity/header.js';
import { routeCookie } from './affinity/route-cookie.js';
import type { Rule } from './affinity/rule.js';
import { leastRequests } from './balance/least-requests.js';
import { plainFacts } from './plain-facts.js';
import type { PoolSnapshot } from './pool/snapshot.js';
import { drainOf, turnIn, type Drain } from './pool/standing.js';
import { decide, type Decision } from './router.js';

const MINUTE = 60_000;
const STEP_MS = 10_000;
const FROM = 1_800_000_000_000;
const UNTIL = FROM + 30 * MINUTE;
const IDS = ['api-1', 'api-2', 'api-3'];
const plan = (quietMs = 0): Drain => drainOf('api-2', { fromMs: FROM, untilMs: UNTIL, quietMs });
const leaving = (drain = plan()): PoolSnapshot =>
  fakePool(IDS, { standings: { 'api-2': { leaving: drain } } });

const context = {
  route: 'default',
  keys: ['a secret for tests, of 32 characters'],
  random: seededRandom(1),
  tokenVerifier: () => {
    throw new Error('not needed');
  },
};
const sealed = (options: object = {}): Rule => cookie.create(cookie.options.parse(options), context);
const keyed = (options: object = {}): Rule =>
  header.create(header.options.parse({ name: 'x-user', ...options }), context);

interface Asked {
  readonly nowMs: number;
  readonly headers?: readonly (readonly [string, string])[];
  readonly method?: string;
  readonly ip?: string;
}

function ask(rules: readonly Rule[], pool: PoolSnapshot, { ip = '10.0.0.1', ...request }: Asked): Decision {
  const affinity = { rules, balance: leastRequests.create({}) };
  return decide(affinity, plainFacts({ ...request, ip }), pool, [0, 0, 0], seededRandom(3));
}

const where = (decision: Decision): string | undefined => decision.pool.upstreams[decision.index]?.id;
const pair = (setCookie: string): readonly [string, string] => ['cookie', setCookie.split(';')[0]!];

/** A cookie that binds somebody new to api-2. */
function bound(rule: Rule, nowMs = FROM - MINUTE): readonly [string, string] {
  return pair(rule.bind!(plainFacts({ nowMs }), fakePool(IDS), 1));
}

/** When a user with this cookie is moved, to the step. */
function movedAt(rule: Rule, cookie: readonly [string, string], drain = plan(), more: object = {}): number {
  for (let nowMs = FROM; nowMs <= UNTIL; nowMs += STEP_MS)
    if (ask([rule], leaving(drain), { nowMs, headers: [cookie], ...more }).outcome === 'moved') return nowMs;
  throw new Error('never moved');
}

describe('bound users of an upstream that is emptied', () => {
  const rule = sealed();

  it('move one after the other, each once, at its turn, and are bound to their new upstream', () => {
    const turns = [];
    for (let user = 0; user < 60; user++) {
      const mine = bound(rule);
      const at = movedAt(rule, mine);
      turns.push(at);
      const before = ask([rule], leaving(), { nowMs: at - STEP_MS, headers: [mine] });
      expect([where(before), before.outcome, before.writes()]).toEqual(['api-2', 'bound', []]);
      const move = ask([rule], leaving(), { nowMs: at, headers: [mine] });
      expect([move.outcome, move.why, move.from]).toEqual(['moved', 'draining', 'api-2']);
      const [written] = move.writes();
      const after = ask([rule], leaving(), { nowMs: at + 1, headers: [pair(written!)] });
      expect([where(after), after.outcome, after.from]).toEqual([where(move), 'bound', undefined]);
      expect(after.identity).toBe(move.identity);
    }
    expect(new Set(turns.map((at) => Math.floor((at - FROM) / (5 * MINUTE)))).size).toBe(6);
    expect(Math.max(...turns)).toBeLessThanOrEqual(UNTIL);
  });

  it.each(['rehome', 'borrow', 'reject'])('move also under onFailure: %s', (onFailure) => {
    const own = sealed({ onFailure });
    const decision = ask([own], leaving(), { nowMs: UNTIL, headers: [bound(own)] });
    expect([decision.outcome, decision.writes().length]).toEqual(['moved', 1]);
  });

  it('the requests of one page go to one upstream', () => {
    for (let user = 0; user < 30; user++) {
      const mine = bound(rule);
      const places = Array.from({ length: 6 }, () =>
        where(ask([rule], leaving(), { nowMs: UNTIL, headers: [mine] })),
      );
      expect(new Set(places).size).toBe(1);
      expect(places[0]).not.toBe('api-2');
    }
  });

  it('a move prolongs nothing', () => {
    const short = sealed({ absolute: '40m' });
    const mine = bound(short, FROM);
    const [written] = ask([short], leaving(), { nowMs: UNTIL, headers: [mine] }).writes();
    expect(written).toContain('Max-Age=600');
    const late = { nowMs: FROM + 40 * MINUTE + 1, headers: [pair(written!)] };
    expect(ask([short], leaving(), late).why).toBe('expired');
  });

  it('near its turn nothing is written that would undo a move; unless it would expire', () => {
    const idle = sealed({ idle: '10m' });
    const first = idle.find(plainFacts({ nowMs: FROM, headers: [bound(idle)] }), fakePool(IDS));
    if (first.kind !== 'bound') throw new Error(`found ${first.kind}`);
    const turn = turnIn(plan(), first.binding!.identity);
    /** What is written `beforeMs` before the turn to a user whose cookie was last written `agoMs` ago. */
    const written = (beforeMs: number, agoMs: number): number => {
      const nowMs = turn - beforeMs;
      const facts = plainFacts({ nowMs: nowMs - agoMs });
      const headers = [pair(idle.bind!(facts, fakePool(IDS), 1, first.binding))];
      return ask([idle], leaving(), { nowMs, headers }).writes().length;
    };
    expect([written(3 * MINUTE, 2 * MINUTE), written(1000, 2 * MINUTE)]).toEqual([1, 0]);
    expect(written(1000, 6 * MINUTE)).toBe(1);
  });

  it('nobody new comes from the first moment, and after the end nobody at all', () => {
    for (let user = 0; user < 50; user++)
      expect(where(ask([rule], leaving(), { nowMs: FROM, ip: `10.0.0.${user}` }))).not.toBe('api-2');
    expect(where(ask([rule], leaving(), { nowMs: UNTIL + 1, headers: [bound(rule)] }))).not.toBe('api-2');
  });

  it('where nobody else is up they stay until the end', () => {
    const alone = (conditions: Record<string, 'down'>): PoolSnapshot =>
      fakePool(IDS, { standings: { 'api-2': { leaving: plan() } }, conditions });
    const one = alone({ 'api-1': 'down' });
    expect(where(ask([rule], one, { nowMs: UNTIL, headers: [bound(rule)] }))).toBe('api-3');
  });

  it('of one that is down they move at once: it will not come back for them', () => {
    const pool = fakePool(IDS, {
      standings: { 'api-2': { leaving: plan() } },
      conditions: { 'api-2': 'down' },
      awaySince: { 'api-2': FROM },
    });
    const decision = ask([rule], pool, { nowMs: FROM + 1, headers: [bound(rule)] });
    expect([decision.outcome, decision.why]).toEqual(['moved', 'down']);
  });
});

describe('quiet', () => {
  const rule = sealed({ idle: '30m' });
  const quiet = plan(5 * MINUTE);

  it('first moves those who come to a new page, or were quiet; the rest in the last quarter', () => {
    const last = UNTIL - 7.5 * MINUTE;
    for (let user = 0; user < 20; user++) {
      const mine = bound(rule, FROM);
      const page = [mine, ['sec-fetch-mode', 'navigate']] as const;
      const script = [mine, ['sec-fetch-mode', 'cors']] as const;
      expect(movedAt(rule, mine, quiet, { headers: page })).toBeLessThanOrEqual(last);
      // Its cookie was written at FROM, and is written again after a minute of use: quiet since then.
      const at = movedAt(rule, mine, quiet, { headers: script });
      expect(at).toBeGreaterThanOrEqual(FROM + 6 * MINUTE);
      const busy = bound(rule, last - MINUTE);
      const late = movedAt(rule, busy, quiet, { headers: [busy, ['sec-fetch-mode', 'cors']] });
      expect(late).toBeGreaterThan(last);
      expect(late).toBeLessThanOrEqual(UNTIL);
    }
  });

  it('the last turn is what explain tells', () => {
    const last = UNTIL - 7.5 * MINUTE;
    const facts = plainFacts({ nowMs: last, headers: [bound(rule, last)] });
    const found = rule.find(facts, fakePool(IDS));
    if (found.kind !== 'bound') throw new Error(`found ${found.kind}`);
    const turn = turnIn(quiet, found.binding!.identity);
    for (const [nowMs, outcome] of [
      [turn - 1, 'bound'],
      [turn + 1, 'moved'],
    ] as const) {
      const busy = pair(rule.bind!(plainFacts({ nowMs }), fakePool(IDS), 1, found.binding));
      expect(ask([rule], leaving(quiet), { nowMs, headers: [busy] }).outcome).toBe(outcome);
    }
  });
});

describe('users with a key, and those whom the app binds', () => {
  it('keyed users leave by the same sweep, whatever onFailure says', () => {
    for (const onFailure of ['borrow', 'reject', 'rehome']) {
      const rule = keyed({ onFailure });
      const moves = [];
      for (let user = 0; user < 300; user++) {
        const headers = [['x-user', `user-${user}`]] as const;
        if (where(ask([rule], fakePool(IDS), { nowMs: 0, headers })) !== 'api-2') continue;
        const stays = (nowMs: number) => where(ask([rule], leaving(), { nowMs, headers })) === 'api-2';
        expect([stays(FROM), stays(UNTIL)]).toEqual([true, false]);
        moves.push(stays(FROM + 15 * MINUTE) ? 1 : 0);
        const gone = ask([rule], leaving(), { nowMs: UNTIL, headers });
        expect([gone.outcome, gone.why, gone.from]).toEqual(['borrowed', 'draining', 'api-2']);
      }
      const late = moves.reduce((sum: number, each) => sum + each, 0);
      expect(late / moves.length).toBeGreaterThan(0.3);
      expect(late / moves.length).toBeLessThan(0.7);
    }
  });

  it('somebody new is not bound to it by way of a key', () => {
    const rules = [sealed(), keyed()];
    for (let user = 0; user < 60; user++) {
      const decision = ask(rules, leaving(), { nowMs: FROM + 1, headers: [['x-user', `user-${user}`]] });
      expect(where(decision)).not.toBe('api-2');
    }
  });

  it('a cookie of the app is followed until its turn, then its user is borrowed until the app moves it', () => {
    const rule = routeCookie.create({ name: 'home', onFailure: 'reject' }, context);
    const headers = [['cookie', 'home=api-2']] as const;
    const at = (nowMs: number, ip: string): Decision => ask([rule], leaving(), { nowMs, headers, ip });
    expect(where(at(FROM, '10.0.0.1'))).toBe('api-2');
    const half = FROM + 15 * MINUTE;
    const gone = Array.from({ length: 200 }, (_, user) => where(at(half, `10.0.0.${user}`)) !== 'api-2');
    expect(gone.filter(Boolean).length).toBeGreaterThan(60);
    expect(gone.filter(Boolean).length).toBeLessThan(140);
    const end = at(UNTIL, '10.0.0.1');
    expect([end.outcome, end.why, end.writes()]).toEqual(['borrowed', 'draining', []]);
  });
});

describe('after a failure: rehome waits', () => {
  const rule = sealed();
  const SINCE = FROM;
  const away = (since = SINCE): PoolSnapshot =>
    fakePool(IDS, { conditions: { 'api-2': 'down' }, awaySince: { 'api-2': since } });

  it('a user is borrowed by one and the same stand-in, and returns', () => {
    const mine = bound(rule);
    const places = [0, 1000, 4 * MINUTE].map((ms) =>
      ask([rule], away(), { nowMs: SINCE + ms, headers: [mine] }),
    );
    expect(new Set(places.map(where)).size).toBe(1);
    for (const decision of places)
      expect([decision.outcome, decision.writes(), decision.from]).toEqual(['borrowed', [], 'api-2']);
    const back = ask([rule], fakePool(IDS), { nowMs: SINCE + 4 * MINUTE, headers: [mine] });
    expect([where(back), back.outcome, back.from]).toEqual(['api-2', 'bound', undefined]);
  });

  it('is moved for good after rehomeAfter, to the stand-in that it has had', () => {
    for (const [options, afterMs] of [
      [{}, 5 * MINUTE],
      [{ rehomeAfter: '90s' }, 90_000],
      [{ rehomeAfter: '0s' }, 0],
    ] as const) {
      const own = sealed(options);
      const mine = bound(own);
      if (afterMs > 0) {
        const lent = ask([own], away(), { nowMs: SINCE + afterMs - 1, headers: [mine] });
        expect(lent.outcome).toBe('borrowed');
      }
      const moved = ask([own], away(), { nowMs: SINCE + afterMs, headers: [mine] });
      expect([moved.outcome, moved.writes().length]).toEqual(['rehomed', 1]);
      expect(where(moved)).toBe(where(ask([own], away(FROM), { nowMs: FROM + 1, headers: [mine] })));
    }
  });

  it('a try that fails before health has said so borrows, too', () => {
    const decision = ask([rule], fakePool(IDS), { nowMs: FROM, headers: [bound(rule)] });
    decision.next('unreachable');
    expect([decision.outcome, decision.writes()]).toEqual(['borrowed', []]);
  });

  it('what is out or gone is not waited for, and keeps its identity', () => {
    const mine = bound(rule);
    const out = ask([rule], fakePool(IDS, { out: ['api-2'] }), { nowMs: FROM, headers: [mine] });
    const gone = ask([rule], fakePool(['api-1', 'api-3']), { nowMs: FROM, headers: [mine] });
    expect([out.outcome, gone.outcome]).toEqual(['rehomed', 'rehomed']);
    const again = ask([rule], fakePool(IDS), { nowMs: FROM, headers: [pair(gone.writes()[0]!)] });
    expect(again.identity).toBe(out.identity);
    // The six requests of its page go to one upstream.
    const places = Array.from({ length: 6 }, () =>
      where(ask([rule], fakePool(['api-1', 'api-3']), { nowMs: FROM, headers: [mine] })),
    );
    expect(new Set(places).size).toBe(1);
  });
});
