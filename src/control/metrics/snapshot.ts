import type { OpenConnections } from '../../proxy/open-connections.js';
import type { Condition } from '../../route/pool/snapshot.js';
import type { StandingWord } from '../../route/pool/standing.js';
import type { Measures, Miss, Move, ProcessFacts } from './measures.js';
import { sumsOf, type RequestSums } from './request-row.js';
import { countUsers, type BoundUsers } from './user-cells.js';

/** A route's requests that ended at one upstream. */
export interface RequestMetrics extends RequestSums {
  /** Empty: no route was found, or the head was refused. */
  readonly route: string;
  readonly pool: string;
  /** Empty: no upstream was tried. */
  readonly upstream: string;
}

export interface UpstreamMetrics {
  readonly pool: string;
  readonly id: string;
  readonly url: string;
  readonly weight: number;
  readonly condition: Condition;
  readonly standing: StandingWord;
  // Now.
  readonly requestsInProgress: number;
  readonly tunnels: number;
  readonly boundUsers: BoundUsers;
  // Since the start.
  readonly tries: number;
  readonly connections: number;
  /** By what it did wrong: `connect`. */
  readonly faults: Readonly<Record<string, number>>;
}

/** How often the configuration was read again, and what came of it. */
export interface ReloadMetrics {
  readonly succeeded: number;
  readonly failed: number;
  readonly hasLastSucceeded: boolean;
  /** When what is in use was taken, the start included. */
  readonly configuredAtMs: number;
  /** The same for the same configuration; keys are not in it. */
  readonly configHash: string;
}

export interface CertificateMetrics {
  /** `listener`, or the pool whose authority it is. */
  readonly name: string;
  readonly notAfterMs: number;
}

/** What the control plane adds to what was counted. */
export interface PlaneFacts {
  readonly atMs: number;
  readonly version: string;
  readonly pools: readonly {
    readonly name: string;
    readonly upstreams: readonly Pick<UpstreamMetrics, 'id' | 'url' | 'weight' | 'condition' | 'standing'>[];
  }[];
  readonly reloads: ReloadMetrics;
  readonly certificates: readonly CertificateMetrics[];
  readonly isReady: boolean;
}

/** All that a gateway has counted, and how it is, as plain data: workers are added. */
export interface MetricsSnapshot
  extends
    Pick<PlaneFacts, 'atMs' | 'version' | 'reloads' | 'certificates' | 'isReady'>,
    Pick<
      Measures,
      'refusedHeads' | 'connectionsAccepted' | 'connectionsTurnedAway' | 'shortages' | 'http2Streams'
    > {
  readonly requests: readonly RequestMetrics[];
  readonly misses: readonly Miss[];
  readonly moves: readonly Move[];
  /** Of all pools. */
  readonly upstreams: readonly UpstreamMetrics[];
  readonly connections: readonly OpenConnections[];
  readonly processes: readonly ProcessFacts[];
}

export function metricsOf(measures: Measures, facts: PlaneFacts): MetricsSnapshot {
  const { pools, ...plane } = facts;
  const counted = new Map(measures.upstreams.map((row) => [`${row.pool}\n${row.id}`, row]));
  return {
    ...measures,
    ...plane,
    requests: measures.requests
      .map(({ route, pool, upstream, numbers }) => ({ route, pool, upstream, ...sumsOf(numbers) }))
      .filter(({ ended }) => ended.length > 0),
    upstreams: pools.flatMap(({ name: pool, upstreams }) =>
      upstreams.map(({ id, url, weight, condition, standing }) => {
        const row = counted.get(`${pool}\n${id}`);
        return {
          pool,
          id,
          url,
          weight,
          condition,
          standing,
          requestsInProgress: row?.requestsInProgress ?? 0,
          tunnels: row?.tunnels ?? 0,
          boundUsers: countUsers(row?.users ?? []),
          tries: row?.tries ?? 0,
          connections: row?.connections ?? 0,
          faults: row?.faults ?? {},
        };
      }),
    ),
  };
}
