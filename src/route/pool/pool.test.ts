import { describe, expect, it } from 'vitest';
import { SlotTable } from '../placement/slot-table.js';
import { type ConditionChange, Pool, type PoolOptions } from './pool.js';
import { isReachable, takesNewUsers, type Condition } from './snapshot.js';
import type { Standing } from './standing.js';
import type { PoolEvent } from './pool-event.js';
import { membersOf, type Upstream } from './upstream.js';

const upstream = (id: string, rest: Partial<Upstream> = {}): Upstream => ({
  id,
  url: `http://${id}`,
  weight: 1,
  draining: false,
  ...rest,
});

const members = (...upstreams: Upstream[]): PoolEvent => ({ kind: 'members', upstreams });

function setUp(options: Partial<PoolOptions> = {}) {
  const changes: string[] = [];
  const pool = new Pool({
    upstreams: [upstream('a'), upstream('b'), upstream('c')],
    placement: (members) => new SlotTable(members, 1024),
    health: { healthyAfter: 2, unhealthyAfter: 3 },
    passive: { maxFails: 3, failTimeoutMs: 30_000 },
    ...options,
  });
  pool.onChange = ({ id, from, to, why }: ConditionChange) => changes.push(`${id} ${from} > ${to} ${why}`);
  return { pool, changes };
}

/** A pool in which requests to `a` failed at 0 ms. */
function failed(options: Partial<PoolOptions> = {}) {
  const made = setUp(options);
  for (let i = 0; i < 3; i++) made.pool.requestFailed('a', 0);
  expect(made.changes.splice(0)).toEqual(['a up > down requestsFailed']);
  return made;
}

describe('probes', () => {
  it('take an upstream down after so many failures in a row, and up after so many successes in a row', () => {
    const { pool, changes } = setUp();
    for (const event of 'FF.FFF.F..F..') event === 'F' ? pool.probeFailed('a') : pool.probeSucceeded('a');
    expect(changes).toEqual(['a up > down probesFailed', 'a down > up probesSucceeded']);
    expect(pool.conditionOf('b')).toBe('up');
  });

  it('hold an upstream down: no trial is made, and requests say nothing', () => {
    const { pool, changes } = failed();
    for (let i = 0; i < 3; i++) pool.probeFailed('a');
    pool.tick(1_000_000);
    pool.requestFailed('a', 1_000_000);
    pool.requestSucceeded('a');
    expect(pool.beginTrial('a')).toBe(false);
    expect(pool.conditionOf('a')).toBe('down');
    pool.probeSucceeded('a');
    pool.probeSucceeded('a');
    expect(changes).toEqual(['a down > up probesSucceeded']);
  });

  it('bring up what failed requests took down, counted from the failure on', () => {
    const { pool, changes } = setUp();
    for (let i = 0; i < 5; i++) pool.probeSucceeded('a');
    for (let i = 0; i < 3; i++) pool.requestFailed('a', 0);
    pool.probeSucceeded('a');
    expect(pool.conditionOf('a')).toBe('down');
    pool.probeSucceeded('a');
    expect(changes).toEqual(['a up > down requestsFailed', 'a down > up probesSucceeded']);
  });

  it('end a wait for a trial too, either way', () => {
    const up = failed();
    up.pool.tick(30_000);
    up.pool.probeSucceeded('a');
    up.pool.probeSucceeded('a');
    expect(up.changes).toEqual(['a down > trial timeoutPassed', 'a trial > up probesSucceeded']);
    const down = failed();
    down.pool.tick(30_000);
    for (let i = 0; i < 3; i++) down.pool.probeFailed('a');
    expect(down.changes).toEqual(['a down > trial timeoutPassed', 'a trial > down probesFailed']);
  });
});

describe('failed requests', () => {
  it('take an upstream down only when enough of them fall into the time-out', () => {
    const { pool } = setUp();
    for (const nowMs of [0, 20_000, 31_000, 51_000]) pool.requestFailed('a', nowMs);
    expect(pool.conditionOf('a')).toBe('up');
    pool.requestFailed('a', 60_000);
    expect(pool.conditionOf('a')).toBe('down');
  });

  it('count although other requests succeed in between', () => {
    const { pool } = setUp();
    for (let i = 0; i < 3; i++) {
      pool.requestFailed('a', i);
      pool.requestSucceeded('a');
    }
    expect(pool.conditionOf('a')).toBe('down');
  });

  it('count for nothing when maxFails is 0', () => {
    const { pool, changes } = setUp({ passive: { maxFails: 0, failTimeoutMs: 30_000 } });
    for (let i = 0; i < 1000; i++) pool.requestFailed('a', i);
    expect(changes).toEqual([]);
  });

  it('that were under way when the upstream went down do not prolong the time-out, and late successes do not end it', () => {
    const { pool, changes } = failed();
    pool.requestFailed('a', 29_000);
    pool.requestSucceeded('a');
    expect(pool.conditionOf('a')).toBe('down');
    pool.tick(29_999);
    expect(changes).toEqual([]);
    pool.tick(30_000);
    expect(changes).toEqual(['a down > trial timeoutPassed']);
  });
});

describe('requests without an answer', () => {
  /** Upstreams that were asked since, and did not answer. */
  function doubt(pool: Pool, id: string, isThere: boolean): void {
    for (let i = 0; i < 3; i++) pool.requestDoubted(id, 0);
    pool.checked(id, isThere, 1);
  }

  it('take nothing away: enough of them ask for a check, which decides', () => {
    const { pool, changes } = setUp();
    pool.requestDoubted('a', 0);
    pool.requestDoubted('a', 0);
    expect(pool.doubted).toEqual([]);
    pool.requestDoubted('a', 0);
    expect(pool.doubted.map(({ id }) => id)).toEqual(['a']);
    pool.checked('a', true, 1);
    expect([pool.doubted, changes]).toEqual([[], []]);
    doubt(pool, 'a', false);
    expect(changes).toEqual(['a up > down requestsFailed']);
    pool.tick(30_001);
    expect(pool.conditionOf('a')).toBe('trial');
  });

  it('count with failed connections, within the time-out', () => {
    const { pool } = setUp();
    pool.requestDoubted('a', 0);
    pool.requestFailed('a', 31_000);
    pool.requestFailed('a', 31_000);
    expect(pool.doubted).toEqual([]);
    pool.requestDoubted('a', 31_000);
    expect(pool.doubted.map(({ id }) => id)).toEqual(['a']);
  });

  it('a check that nobody asked for says nothing', () => {
    const { pool, changes } = setUp();
    pool.checked('a', false, 0);
    pool.checked('nobody', false, 0);
    expect(changes).toEqual([]);
  });

  it.each([
    [0, 1],
    [0.5, 1],
    [0.7, 2],
    [1, 3],
  ])('take no more than maxEjected of a pool, and one at least: %f of 3', (ejectedShareMax, most) => {
    const { pool, changes } = setUp({ passive: { maxFails: 3, failTimeoutMs: 30_000, ejectedShareMax } });
    for (const id of ['a', 'b', 'c']) doubt(pool, id, false);
    expect(changes).toHaveLength(most);
    // Refused connections are no matter of opinion.
    for (const id of ['a', 'b', 'c']) for (let i = 0; i < 3; i++) pool.requestFailed(id, 2);
    expect(pool.snapshot.conditions).toEqual(['down', 'down', 'down']);
  });

  it('never take the only upstream of a pool', () => {
    const { pool, changes } = setUp({
      upstreams: [upstream('a')],
      passive: { maxFails: 1, failTimeoutMs: 30_000, ejectedShareMax: 0.5 },
    });
    doubt(pool, 'a', false);
    expect(changes).toEqual([]);
  });

  it.each([
    [true, 'a down > up answered'],
    [false, 'a down > down trialFailed'],
  ])('on a trial, one is enough to ask: %s', (isThere, change) => {
    const { pool, changes } = failed();
    pool.tick(30_000);
    pool.beginTrial('a');
    pool.requestDoubted('a', 31_000);
    expect(pool.doubted.map(({ id }) => id)).toEqual(['a']);
    pool.checked('a', isThere, 31_001);
    expect(changes.at(-1)).toBe(change);
  });

  it('an answer although all were down brings its upstream back, and ends the time-out of the others', () => {
    const { pool, changes } = failed();
    for (let i = 0; i < 3; i++) pool.requestFailed('b', 0);
    for (let i = 0; i < 3; i++) pool.probeFailed('c');
    changes.length = 0;
    pool.answeredWhileDown('c');
    expect(changes).toEqual([]);
    pool.answeredWhileDown('a');
    expect(changes).toEqual(['a down > up answered', 'b down > trial timeoutPassed']);
  });
});

describe('a trial', () => {
  function waiting() {
    const made = failed();
    made.pool.tick(30_000);
    made.changes.length = 0;
    return made;
  }

  it('is had by one request only', () => {
    const { pool, changes } = waiting();
    expect(isReachable(pool.snapshot, 0) && takesNewUsers(pool.snapshot, 0)).toBe(true);
    expect([pool.beginTrial('a'), pool.beginTrial('a')]).toEqual([true, false]);
    expect(isReachable(pool.snapshot, 0) || takesNewUsers(pool.snapshot, 0)).toBe(false);
    expect(changes).toEqual(['a trial > down trialBegun']);
  });

  it('that succeeds brings the upstream up, with a clean slate', () => {
    const { pool, changes } = waiting();
    pool.beginTrial('a');
    pool.requestSucceeded('a');
    pool.requestFailed('a', 31_000);
    pool.requestFailed('a', 31_000);
    expect(pool.conditionOf('a')).toBe('up');
    expect(changes).toEqual(['a trial > down trialBegun', 'a down > up trialSucceeded']);
  });

  it('that fails leaves it down for another time-out', () => {
    const { pool, changes } = waiting();
    pool.beginTrial('a');
    pool.requestFailed('a', 31_000);
    pool.tick(60_999);
    expect(pool.conditionOf('a')).toBe('down');
    pool.tick(61_000);
    expect(changes).toEqual([
      'a trial > down trialBegun',
      'a down > down trialFailed',
      'a down > trial timeoutPassed',
    ]);
  });

  it('that is abandoned passes to the next request', () => {
    const { pool } = waiting();
    pool.beginTrial('a');
    pool.abandonTrial('a');
    expect(pool.conditionOf('a')).toBe('trial');
    expect(pool.beginTrial('a')).toBe(true);
  });

  it('that never ends does not keep the upstream down for good', () => {
    const { pool } = waiting();
    pool.beginTrial('a');
    pool.tick(31_000);
    pool.tick(60_999);
    expect(pool.conditionOf('a')).toBe('down');
    pool.tick(61_000);
    expect(pool.conditionOf('a')).toBe('trial');
  });

  it('is not to be had at an upstream that is up, down or unknown', () => {
    const { pool } = failed();
    expect(['a', 'b', 'nobody'].map((id) => pool.beginTrial(id))).toEqual([false, false, false]);
  });
});

describe('a snapshot', () => {
  it('does not change, and its successor has a higher version and the same placement', () => {
    const { pool } = setUp();
    const before = pool.snapshot;
    for (let i = 0; i < 3; i++) pool.probeFailed('b');
    const after = pool.snapshot;
    expect([before.version, before.conditions]).toEqual([1, ['up', 'up', 'up']]);
    expect([after.version, after.conditions]).toEqual([2, ['up', 'down', 'up']]);
    expect(after.placement).toBe(before.placement);
    expect(after.upstreams).toBe(before.upstreams);
    expect([after.indexOf('c'), after.indexOf('nobody')]).toEqual([2, undefined]);
  });

  it('is kept while nothing changes', () => {
    const { pool } = setUp();
    const before = pool.snapshot;
    pool.requestSucceeded('a');
    pool.requestFailed('a', 0);
    pool.probeSucceeded('b');
    pool.tick(1000);
    pool.apply(members(upstream('a'), upstream('b'), upstream('c')));
    expect(pool.snapshot).toBe(before);
  });
});

describe('new upstreams', () => {
  it('start up; those that stay keep their health, and a changed url is another instance', () => {
    const { pool } = setUp();
    for (const id of ['a', 'b']) for (let i = 0; i < 3; i++) pool.probeFailed(id);
    pool.apply(
      members(
        upstream('d'),
        upstream('b', { url: 'http://elsewhere' }),
        upstream('a', { weight: 2, draining: true }),
      ),
    );
    expect(pool.snapshot.conditions).toEqual(['up', 'up', 'down']);
    expect(pool.snapshot.placement.members).toEqual([
      { id: 'd', weight: 1, url: 'http://d' },
      { id: 'b', weight: 1, url: 'http://elsewhere' },
      { id: 'a', weight: 2, url: 'http://a' },
    ]);
    expect(pool.conditionOf('c')).toBeUndefined();
    for (const event of ['requestSucceeded', 'probeFailed', 'abandonTrial'] as const) pool[event]('c');
    pool.requestFailed('c', 0);
  });

  it('with one id twice are refused, and the pool stays as it was', () => {
    const { pool } = setUp();
    const before = pool.snapshot;
    expect(() => pool.apply(members(upstream('a'), upstream('a')))).toThrow(
      expect.objectContaining({
        code: 'STICKY_POOL_INVALID',
        message: expect.stringContaining('two upstreams with the id "a"'),
      }),
    );
    expect(() => pool.apply(members(upstream('a', { weight: 0 })))).toThrow('weight 0');
    expect(pool.snapshot).toBe(before);
    expect(pool.conditionOf('b')).toBe('up');
  });

  it('can be placed another way', () => {
    const { pool } = setUp();
    for (let i = 0; i < 3; i++) pool.probeFailed('a');
    const before = pool.snapshot;
    const { upstreams } = before;
    pool.apply(members(...upstreams), new SlotTable(membersOf(upstreams), 2048));
    expect(pool.snapshot.version).toBe(before.version + 1);
    expect(pool.snapshot.placement).not.toBe(before.placement);
    expect(pool.snapshot.conditions).toEqual(['down', 'up', 'up']);
  });
});

it('a witness that is no longer heard lets go of what it held', () => {
  const { pool, changes } = failed();
  for (let i = 0; i < 3; i++) pool.probeFailed('b');
  pool.setThresholds({ health: undefined, passive: { maxFails: 0, failTimeoutMs: 1 } });
  expect(changes).toEqual([
    'b up > down probesFailed',
    'a down > up thresholdsChanged',
    'b down > up thresholdsChanged',
  ]);
  pool.probeFailed('b');
  pool.requestFailed('b', 0);
  expect(pool.snapshot.conditions).toEqual(['up', 'up', 'up']);
});

describe('a condition that another judge decides', () => {
  it('stands in place of what probes and requests said, until one of them has news', () => {
    const { pool } = failed();
    const settle = (condition: Condition): void =>
      pool.apply({ kind: 'condition', id: 'a', url: 'http://a', condition });
    settle('up');
    for (let i = 0; i < 2; i++) pool.requestFailed('a', 1);
    expect(pool.conditionOf('a')).toBe('up');
    settle('trial');
    expect(pool.beginTrial('a')).toBe(true);
    pool.requestSucceeded('a');
    settle('down');
    pool.tick(1_000_000_000);
    expect(pool.snapshot.conditions).toEqual(['down', 'up', 'up']);
    for (let i = 0; i < 2; i++) pool.probeSucceeded('a');
    expect(pool.snapshot.conditions).toEqual(['up', 'up', 'up']);
  });
});

describe('a standing', () => {
  const stand = (pool: Pool, standing: Standing, url = 'http://a'): void =>
    pool.apply({ kind: 'standing', id: 'a', url, standing });

  it('says who may come; the condition stays what health says', () => {
    const { pool } = setUp();
    const says = (): readonly boolean[] => [isReachable(pool.snapshot, 0), takesNewUsers(pool.snapshot, 0)];
    expect(says()).toEqual([true, true]);
    stand(pool, 'leaving');
    expect(says()).toEqual([true, false]);
    stand(pool, 'out');
    expect(says()).toEqual([false, false]);
    expect(pool.snapshot.conditions).toEqual(['up', 'up', 'up']);
    stand(pool, 'in');
    expect(says()).toEqual([true, true]);
  });

  it('of another instance under the same id is none of its own', () => {
    const { pool } = setUp();
    const before = pool.snapshot;
    stand(pool, 'out', 'http://elsewhere');
    expect(pool.snapshot).toBe(before);
  });

  it('begins as the upstream says: draining is leaving', () => {
    const { pool } = setUp({ upstreams: [upstream('a', { draining: true }), upstream('b')] });
    expect(pool.snapshot.standings).toEqual(['leaving', 'in']);
  });
});
