import { describe, expect, it } from 'vitest';
import { SlotTable } from '../../route/placement/slot-table.js';
import { Pool } from '../../route/pool/pool.js';
import type { PoolEvent } from '../../route/pool/pool-event.js';
import type { PoolOptions } from '../../route/pool/pool-options.js';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { Upstream } from '../../route/pool/upstream.js';
import { SupervisedPool } from './supervised-pool.js';

const upstream = (id: string, rest: Partial<Upstream> = {}): Upstream => ({
  id,
  url: `http://${id}`,
  weight: 1,
  draining: false,
  ...rest,
});

const OPTIONS: PoolOptions = {
  upstreams: [upstream('a'), upstream('b', { draining: true }), upstream('c')],
  placement: (members) => new SlotTable(members, 1024),
  health: undefined,
  passive: { maxFails: 3, failTimeoutMs: 30_000 },
};

const a = { id: 'a', url: 'http://a' };
const b = { id: 'b', url: 'http://b' };

/** Every kind of event, and what there is to each of them. */
const EVENTS: Readonly<Record<string, readonly PoolEvent[]>> = {
  'an upstream goes down': [{ kind: 'condition', ...a, condition: 'down' }],
  'an upstream waits for a trial': [
    { kind: 'condition', ...a, condition: 'down' },
    { kind: 'condition', ...a, condition: 'trial' },
  ],
  'an upstream comes back': [
    { kind: 'condition', ...a, condition: 'down' },
    { kind: 'condition', ...a, condition: 'up' },
  ],
  'a condition that it has already': [{ kind: 'condition', ...a, condition: 'up' }],
  'a condition of an upstream that it has not': [
    { kind: 'condition', id: 'x', url: 'http://x', condition: 'down' },
  ],
  'a condition of another instance': [{ kind: 'condition', id: 'a', url: 'http://x', condition: 'down' }],
  'an upstream leaves': [{ kind: 'standing', ...a, standing: 'leaving' }],
  'an upstream is out': [{ kind: 'standing', ...a, standing: 'out' }],
  'a draining upstream is in again': [{ kind: 'standing', ...b, standing: 'in' }],
  'a standing that it has already': [{ kind: 'standing', ...b, standing: 'leaving' }],
  'a standing of another instance': [{ kind: 'standing', id: 'a', url: 'http://x', standing: 'out' }],
  'out and down, and up behind it': [
    { kind: 'standing', ...a, standing: 'out' },
    { kind: 'condition', ...a, condition: 'down' },
    { kind: 'condition', ...a, condition: 'up' },
  ],
  'the same members': [{ kind: 'members', upstreams: OPTIONS.upstreams }],
  'members that come and go, in another order': [
    { kind: 'condition', ...b, condition: 'down' },
    { kind: 'members', upstreams: [upstream('d'), upstream('b'), upstream('a', { weight: 3 })] },
  ],
  'members with standings of their own': [
    {
      kind: 'members',
      upstreams: [upstream('a'), upstream('b', { draining: true })],
      standings: ['out', 'in'],
    },
  ],
  'a new instance under an id': [
    { kind: 'condition', ...a, condition: 'down' },
    { kind: 'members', upstreams: [upstream('a', { url: 'http://other' }), upstream('c')] },
  ],
  'nobody left': [{ kind: 'members', upstreams: [] }],
};

/** All that a request sees of a pool. */
function shown({ version, upstreams, conditions, standings, placement, indexOf }: PoolSnapshot) {
  return {
    version,
    upstreams,
    conditions,
    standings,
    members: placement.members,
    owners: ['user-1', 'user-2', 'user-3'].map((key) => placement.owner(key)),
    indexes: ['a', 'b', 'c', 'd', 'x'].map((id) => indexOf(id)),
  };
}

describe('an event leads to the same snapshot in one process and in a worker', () => {
  it.each(Object.entries(EVENTS))('%s', (_, events) => {
    const inOneProcess = new Pool(OPTIONS);
    const inWorker = new SupervisedPool('api', OPTIONS, true, () => {});
    for (const event of events) {
      inOneProcess.apply(event);
      inWorker.apply(structuredClone(event));
    }
    expect(shown(bound(inWorker.snapshot))).toEqual(shown(bound(inOneProcess.snapshot)));
  });

  it('and whatever a pool makes of requests and probes leads a worker there too', () => {
    const news: PoolEvent[] = [];
    const pool = new Pool({
      ...OPTIONS,
      health: { healthyAfter: 1, unhealthyAfter: 1 },
      onEvent: (event) => news.push(event),
    });
    const inWorker = new SupervisedPool('api', OPTIONS, true, () => {});
    const follow = (): void => {
      for (const event of news.splice(0)) inWorker.apply(structuredClone(event));
      expect(shown(bound(inWorker.snapshot))).toEqual(shown(bound(pool.snapshot)));
    };
    pool.probeFailed('a');
    follow();
    for (let i = 0; i < 3; i++) pool.requestFailed('c', 0);
    pool.tick(30_000);
    follow();
    pool.beginTrial('c');
    follow();
    pool.requestSucceeded('c');
    pool.probeSucceeded('a');
    follow();
    expect(inWorker.snapshot.conditions).toEqual(['up', 'up', 'up']);
  });
});

describe('a waiting trial', () => {
  it('shows only in the worker that has the permit', () => {
    const pool = new SupervisedPool('api', OPTIONS, false, () => {});
    pool.apply({ kind: 'condition', ...a, condition: 'trial' });
    expect(pool.snapshot.conditions[0]).toBe('down');
    pool.setPermit(true);
    expect(pool.snapshot.conditions[0]).toBe('trial');
    pool.setPermit(false);
    expect([pool.snapshot.conditions[0], pool.beginTrial('a')]).toEqual(['down', false]);
  });
});

function bound(snapshot: PoolSnapshot): PoolSnapshot {
  const { version, upstreams, conditions, awaySince, standings, placement } = snapshot;
  const indexOf = (id: string): number | undefined => snapshot.indexOf(id);
  return { version, upstreams, conditions, awaySince, standings, placement, indexOf };
}
