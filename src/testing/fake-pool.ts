import type { Placement } from '../route/placement/placement.js';
import type { Condition, PoolSnapshot } from '../route/pool/snapshot.js';
import { firstStanding, type Standing } from '../route/pool/standing.js';

export interface FakePoolOptions {
  /** By upstream id; the others are up. */
  readonly conditions?: Readonly<Record<string, Condition>>;
  readonly draining?: readonly string[];
  /** By upstream id, in milliseconds since 1970. */
  readonly awaySince?: Readonly<Record<string, number>>;
  /** By upstream id, where `draining` and `out` don't say it. */
  readonly standings?: Readonly<Record<string, Standing>>;
  /** Those that an operator took out. */
  readonly out?: readonly string[];
}

/**
 * A pool snapshot of these upstreams, for tests. A key's upstream is plain to see: the sum of its characters,
 * and on from there. So is a URL: `api-2` is `http://127.0.0.1:9002`, wherever it stands.
 */
export function fakePool(ids: readonly string[], options: FakePoolOptions = {}): PoolSnapshot {
  const upstreams = ids.map((id, at) => ({
    id,
    url: `http://127.0.0.1:${9000 + Number(/\d{1,3}$/.exec(id)?.[0] ?? at + 1)}`,
    weight: 1,
    draining: options.draining?.includes(id) ?? false,
  }));
  return {
    version: 1,
    upstreams,
    conditions: ids.map((id) => options.conditions?.[id] ?? 'up'),
    awaySince: ids.map((id) => options.awaySince?.[id] ?? 0),
    standings: upstreams.map((upstream) =>
      options.out?.includes(upstream.id)
        ? 'out'
        : (options.standings?.[upstream.id] ?? firstStanding(upstream)),
    ),
    placement: fakePlacement(ids),
    indexOf: (id) => (ids.includes(id) ? ids.indexOf(id) : undefined),
  };
}

function fakePlacement(ids: readonly string[]): Placement {
  const owner = (key: string): number => {
    let sum = 0;
    for (let at = 0; at < key.length; at++) sum += key.charCodeAt(at);
    return ids.length === 0 ? -1 : sum % ids.length;
  };
  return {
    name: 'fake',
    members: ids.map((id) => ({ id, weight: 1 })),
    owner,
    rank: (key) => ids.map((_, at) => (owner(key) + at) % ids.length),
    withMembers: (members) => fakePlacement(members.map(({ id }) => id)),
  };
}
