import { takesNewUsers, type PoolSnapshot } from '../route/pool/snapshot.js';
import { standingWord } from '../route/pool/standing.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { Assembly } from './assembly.js';
import { drainStatus } from './drain-status.js';
import type { Membership } from './membership.js';
import type { Measures } from './metrics/measures.js';
import { OperationRefused, type Status, type UpstreamStatus } from './operations.js';
import type { UpstreamHistories } from './upstream-history.js';

/** What is known of all pools, as operators ask for it. */
export function poolStatus(assembly: Assembly, known: Known): Status {
  return {
    pools: [...assembly.pools].map(([name, { snapshot }]) => ({
      name,
      sources: known.membership.sources(name),
      upstreams: snapshot.upstreams.map((_, index) => upstreamStatus(assembly, name, snapshot, index, known)),
    })),
  };
}

/** What is known of pools beside their snapshots. */
export interface Known {
  readonly membership: Membership;
  readonly histories: UpstreamHistories;
  /** Needed for drains alone: to count users takes a look at many cells. */
  readonly measures: Measures | undefined;
  readonly nowMs: number;
}

function upstreamStatus(
  { routes }: Assembly,
  pool: string,
  snapshot: PoolSnapshot,
  index: number,
  { membership, histories, measures, nowMs }: Known,
): UpstreamStatus {
  const upstream = snapshot.upstreams[index]!;
  const { id, url, weight } = upstream;
  const standing = snapshot.standings[index]!;
  const word = membership.word(pool, upstream);
  const source = membership.originOf(pool, id);
  const absentMs = membership.absentMs(pool, id);
  const origin = source === undefined ? 'file' : 'discovery';
  const said = {
    ...(word?.standing !== undefined && { standing: standingWord(word.standing, nowMs) }),
    ...(word?.weight !== undefined && { weight: word.weight }),
  };
  return {
    id,
    url,
    weight,
    condition: snapshot.conditions[index]!,
    standing: standingWord(standing, nowMs),
    ...(typeof standing === 'object' && {
      drain: drainStatus(standing.leaving, {
        nowMs,
        rules: routes.flatMap(({ poolName, affinity }) => (poolName === pool ? affinity.rules : [])),
        row: measures?.upstreams.find((row) => row.pool === pool && row.id === id),
        hasOthers: snapshot.upstreams.some((_, other) => other !== index && takesNewUsers(snapshot, other)),
      }),
    }),
    ...(word && { said }),
    ...(source !== undefined && { source }),
    ...(absentMs !== undefined && { absentMs }),
    from: {
      standing: said.standing === undefined ? origin : 'admin',
      weight: said.weight === undefined ? origin : 'admin',
    },
    history: histories.of(pool, upstream)!,
  };
}

/** The upstream as it is now. Throws OperationRefused, with what there is, when there is none. */
export function findUpstream({ pools }: Assembly, pool: string, id: string): Upstream {
  const snapshot = pools.get(pool)?.snapshot;
  if (snapshot === undefined)
    throw new OperationRefused(
      'unknown',
      `There is no pool "${pool}". The pools are: ${shortList([...pools.keys()])}.`,
    );
  const index = snapshot.indexOf(id);
  if (index === undefined) {
    const ids = snapshot.upstreams.map((upstream) => upstream.id);
    throw new OperationRefused(
      'unknown',
      `Pool "${pool}" has no upstream "${id}". It has: ${shortList(ids)}.`,
    );
  }
  return snapshot.upstreams[index]!;
}

const LISTED_MAX = 20;

function shortList(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  if (names.length === 0) return 'none';
  return names.slice(0, LISTED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
