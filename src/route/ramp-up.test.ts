import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { cookie } from './affinity/cookie.js';
import { header } from './affinity/header.js';
import type { Rule } from './affinity/rule.js';
import { balances } from './balance/registry.js';
import { roundRobin } from './balance/round-robin.js';
import { SlotTable } from './placement/slot-table.js';
import { plainFacts } from './plain-facts.js';
import { Pool } from './pool/pool.js';
import type { PoolEvent } from './pool/pool-event.js';
import { drainOf } from './pool/standing.js';
import type { Upstream } from './pool/upstream.js';
import { decide, type Decision } from './router.js';

const START = 1_800_000_000_000;
const RAMP = 120_000;
const SEEDS = [1, 2, 3, 4, 5];
const USERS = Array.from({ length: 1500 }, (_, at) => `user-${at}`);
const upstream = (id: string): Upstream => ({ id, url: `http://${id}`, weight: 1, draining: false });
const members = (...ids: string[]): PoolEvent => ({ kind: 'members', upstreams: ids.map(upstream) });

const context = {
  route: 'default',
  keys: ['a secret for tests, of 32 characters'],
  random: seededRandom(1),
  tokenVerifier: () => {
    throw new Error('not needed');
  },
};
const keyed: Rule = header.create(header.options.parse({ name: 'x-user' }), context);
const sealed: Rule = cookie.create(cookie.options.parse({}), context);

/** A pool that ramps up, on a clock of its own. */
function setUp(ids: readonly string[], rampUpMs = RAMP) {
  const time = { nowMs: START };
  const told: PoolEvent[] = [];
  const pool = new Pool({
    upstreams: ids.map(upstream),
    placement: (placed) => new SlotTable(placed, 4096),
    health: { healthyAfter: 1, unhealthyAfter: 1 },
    passive: { maxFails: 3, failTimeoutMs: 30_000 },
    rampUpMs,
    now: () => time.nowMs,
    onEvent: (event) => told.push(event),
  });
  const ask = (user?: string, more: readonly (readonly [string, string])[] = []): Decision => {
    const headers = [...(user === undefined ? [] : [['x-user', user] as const]), ...more];
    const affinity = { rules: [keyed], balance: roundRobin.create({}) };
    const load = new Float64Array(pool.snapshot.upstreams.length);
    return decide(affinity, plainFacts({ nowMs: time.nowMs, headers }), pool.snapshot, load, seededRandom(3));
  };
  const whereOf = (user: string): string => {
    const decision = ask(user);
    return decision.pool.upstreams[decision.index]!.id;
  };
  const where = (): string[] => USERS.map(whereOf);
  return { pool, time, told, ask, where };
}

const shareAt = (places: readonly string[], id: string): number =>
  places.filter((place) => place === id).length / places.length;
const idsOfRamps = (told: readonly PoolEvent[]): string[] =>
  told.flatMap((event) => (event.kind === 'ramp' ? [event.id] : []));

describe('keyed users of an upstream that joins or comes back', () => {
  it('come to it one after the other, and nobody else moves', () => {
    const { pool, time, where } = setUp(['api-1', 'api-2', 'api-3']);
    const before = where();
    pool.apply(members('api-1', 'api-2', 'api-3', 'api-4'));
    let last = where();
    expect(last).toEqual(before);
    for (let step = 1; step <= 10; step++) {
      time.nowMs = START + (step * RAMP) / 10;
      const now = where();
      now.forEach((place, user) => {
        if (place !== last[user]) expect(place).toBe('api-4');
      });
      expect(shareAt(now, 'api-4')).toBeGreaterThan((0.25 * step) / 10 - 0.05);
      expect(shareAt(now, 'api-4')).toBeLessThan((0.25 * step) / 10 + 0.05);
      last = now;
    }
    const direct = setUp(['api-1', 'api-2', 'api-3', 'api-4']);
    expect(last).toEqual(direct.where());
  });

  it('are where they were while it is away, and come back as slowly', () => {
    const { pool, time, where } = setUp(['api-1', 'api-2', 'api-3']);
    const homes = where();
    pool.probeFailed('api-2');
    const away = where();
    pool.probeSucceeded('api-2');
    expect(where()).toEqual(away);
    time.nowMs += RAMP / 2;
    const half = where();
    half.forEach((place, user) => expect([away[user], homes[user]]).toContain(place));
    expect(shareAt(half, 'api-2') / shareAt(homes, 'api-2')).toBeCloseTo(0.5, 1);
    time.nowMs += RAMP / 2;
    expect(where()).toEqual(homes);
  });

  it.each(SEEDS)('move at most once for each arrival, whatever joins meanwhile (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const ids = ['api-1', 'api-2', 'api-3'];
    const { pool, time, where, told } = setUp(ids);
    const moves = USERS.map(() => 0);
    let last = where();
    const joins = [0, 1, 2, 3].map(() => random.below(2 * RAMP)).sort((a, b) => a - b);
    for (let at = 0; at <= 3 * RAMP; at += RAMP / 20) {
      time.nowMs = START + at;
      while (joins.length > 0 && joins[0]! <= at) {
        joins.shift();
        ids.push(`api-${ids.length + 1}`);
        pool.apply(members(...ids));
      }
      const now = where();
      const visited = now.map((place, user) => place !== last[user]);
      visited.forEach((moved, user) => (moves[user]! += moved ? 1 : 0));
      last = now;
    }
    expect(idsOfRamps(told)).toHaveLength(4);
    expect(last).toEqual(setUp(ids).where());
    expect(Math.max(...moves)).toBeLessThanOrEqual(4);
    // Joined at one instant, several move a user once in all.
    const together = setUp(['api-1', 'api-2', 'api-3']);
    together.pool.apply(members('api-1', 'api-2', 'api-3', 'api-4', 'api-5'));
    const once = USERS.map(() => 0);
    let earlier = together.where();
    for (let at = 0; at <= RAMP; at += RAMP / 20) {
      together.time.nowMs = START + at;
      const now = together.where();
      now.forEach((place, user) => (once[user]! += place === earlier[user] ? 0 : 1));
      earlier = now;
    }
    expect(Math.max(...once)).toBe(1);
  });

  it('go to it all the same when nobody else is left', () => {
    const { pool, where } = setUp(['api-1', 'api-2']);
    pool.probeFailed('api-2');
    pool.probeSucceeded('api-2');
    expect(where()).not.toContain('api-2');
    pool.probeFailed('api-1');
    expect(new Set(where())).toEqual(new Set(['api-2']));
  });
});

describe('who ramps up', () => {
  it('nobody in a pool whose upstreams all come together, or one after the other from nothing', () => {
    const { pool, told, time } = setUp([]);
    pool.apply(members('api-1', 'api-2'));
    time.nowMs += 5000;
    pool.apply(members('api-1', 'api-2', 'api-3'));
    const { pool: second, told: toldSecond } = setUp(['api-1', 'api-2']);
    for (const id of ['api-1', 'api-2']) second.probeFailed(id);
    for (const id of ['api-1', 'api-2']) second.probeSucceeded(id);
    expect([...idsOfRamps(told), ...idsOfRamps(toldSecond)]).toEqual([]);
  });

  it('one that was out or drained, and none whose drain is called off', () => {
    const { pool, told, time } = setUp(['api-1', 'api-2']);
    const stand = (standing: 'in' | 'out' | { leaving: ReturnType<typeof drainOf> }): void =>
      pool.apply({ kind: 'standing', id: 'api-2', url: 'http://api-2', standing });
    const leaving = drainOf('api-2', { fromMs: START, untilMs: START + 60_000, quietMs: 0 });
    stand({ leaving });
    time.nowMs += 30_000;
    stand('in');
    expect(idsOfRamps(told)).toEqual([]);
    stand({ leaving });
    time.nowMs += 30_000;
    stand('in');
    expect(idsOfRamps(told)).toEqual(['api-2']);
    time.nowMs += RAMP;
    stand('out');
    stand('in');
    expect(idsOfRamps(told)).toEqual(['api-2', 'api-2']);
  });

  it('nobody without rampUp', () => {
    const { pool, told } = setUp(['api-1', 'api-2'], 0);
    pool.probeFailed('api-2');
    pool.probeSucceeded('api-2');
    expect([idsOfRamps(told), pool.snapshot.ramps]).toEqual([[], undefined]);
  });

  it('the same in another process that hears the same events, whichever comes first', () => {
    const { pool, told, time, where } = setUp(['api-1', 'api-2', 'api-3']);
    pool.probeFailed('api-2');
    pool.apply(members('api-1', 'api-2', 'api-3', 'api-4'));
    pool.probeSucceeded('api-2');
    const other = setUp(['api-1', 'api-2', 'api-3'], 0);
    for (const event of told) other.pool.apply(event);
    other.time.nowMs = time.nowMs += RAMP / 3;
    expect(other.where()).toEqual(where());
  });
});

describe('users without a key, and bound ones', () => {
  it.each(balances.map((balance) => [balance.name, balance] as const))(
    '%s gives it a growing share of new users',
    (_, definition) => {
      const { pool, time } = setUp(['api-1', 'api-2']);
      pool.probeFailed('api-2');
      pool.probeSucceeded('api-2');
      const random = seededRandom(7);
      const affinity = { rules: [], balance: definition.create({}) };
      const shareNow = (): number => {
        let picked = 0;
        for (let at = 0; at < 4000; at++)
          if (decide(affinity, plainFacts({ nowMs: time.nowMs }), pool.snapshot, [0, 0], random).index === 1)
            picked++;
        return picked / 4000;
      };
      const shares = [0, 0.5, 1].map((part) => {
        time.nowMs = START + part * RAMP;
        return shareNow();
      });
      [0.05, 0.25, 0.5].forEach((share, at) => expect(Math.abs(shares[at]! - share)).toBeLessThan(0.04));
    },
  );

  it('a bound user is where its binding says, from the first moment', () => {
    const { pool, time } = setUp(['api-1', 'api-2']);
    const affinity = { rules: [sealed], balance: roundRobin.create({}) };
    const bound = sealed.bind!(plainFacts({ nowMs: START - 1000 }), pool.snapshot, 1).split(';')[0]!;
    pool.probeFailed('api-2');
    pool.probeSucceeded('api-2');
    expect(pool.snapshot.ramps?.[1]).toBeDefined();
    const facts = plainFacts({ nowMs: time.nowMs, headers: [['cookie', bound]] });
    const decision = decide(affinity, facts, pool.snapshot, [0, 0], seededRandom(3));
    expect([decision.index, decision.outcome]).toEqual([1, 'bound']);
  });
});
