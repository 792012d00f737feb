import type { Rule } from '../route/affinity/rule.js';
import type { Drain } from '../route/pool/standing.js';
import { progressOf } from '../route/sweep.js';
import type { UpstreamRow } from './metrics/measures.js';
import { countUsers, type BoundUsers } from './metrics/user-cells.js';

/** How far a drain is. Instants are times of RFC 3339, in UTC. */
export interface DrainStatus {
  readonly from: string;
  readonly until: string;
  /** In milliseconds; 0: whoever comes, leaves when its turn has come. */
  readonly quietMs: number;
  /** The share of the time, and so of the users who may have been moved, from 0 to 1. */
  readonly progress: number;
  /** Users that were there within the last minutes; those who have been moved since are among them. */
  readonly boundUsers: BoundUsers;
  /** The same within the idle limit of the cookies, as far as that is counted: nobody else can come back. */
  readonly boundWithinIdle: number;
  readonly tunnels: number;
  /** Tunnels included. */
  readonly requestsInProgress: number;
  /** Users moved so far. */
  readonly moved: number;
  readonly movedLastMinute: number;
  /** From then on nobody can be bound to it, by the limits of the cookies; absent where they have none. */
  readonly provenEnd?: string;
  /** Nothing is in the way: there is somebody to take its users, and nothing goes on there after the end. */
  readonly isInTime: boolean;
}

/** What is known of the upstream beside its drain. */
export interface DrainFacts {
  readonly nowMs: number;
  /** The rules of all routes to its pool. */
  readonly rules: readonly Rule[];
  readonly row: UpstreamRow | undefined;
  /** Another upstream of the pool is up and takes new users. */
  readonly hasOthers: boolean;
}

export function drainStatus(drain: Drain, { nowMs, rules, row, hasOthers }: DrainFacts): DrainStatus {
  const boundUsers = countUsers(row?.users ?? []);
  const left = (row?.left ?? []).filter(({ seed }) => seed === drain.seed);
  const requestsInProgress = row?.requestsInProgress ?? 0;
  const endMs = provenEndMs(drain, rules);
  return {
    from: timeText(drain.fromMs),
    until: timeText(drain.untilMs),
    quietMs: drain.quietMs,
    progress: progressOf(drain, nowMs),
    boundUsers,
    boundWithinIdle: boundWithin(boundUsers, idleMs(rules)),
    tunnels: row?.tunnels ?? 0,
    requestsInProgress,
    moved: left.reduce((sum, { moved }) => sum + moved, 0),
    movedLastMinute: left.reduce((sum, { movedLastMinute }) => sum + movedLastMinute, 0),
    ...(endMs !== undefined && { provenEnd: timeText(endMs) }),
    isInTime: hasOthers && (nowMs < drain.untilMs || requestsInProgress === 0),
  };
}

/**
 * No binding to it is made after the beginning, and none is written again after the end: so `absolute` counts
 * from the one and `idle` from the other.
 */
function provenEndMs({ fromMs, untilMs }: Drain, rules: readonly Rule[]): number | undefined {
  let last = untilMs;
  for (const { bind, bindingLimits } of rules) {
    if (bind === undefined) continue;
    const { idleMs = 0, absoluteMs = 0 } = bindingLimits ?? {};
    const ends = [
      ...(absoluteMs === 0 ? [] : [fromMs + absoluteMs]),
      ...(idleMs === 0 ? [] : [untilMs + idleMs]),
    ];
    if (ends.length === 0) return undefined;
    last = Math.max(last, Math.min(...ends));
  }
  return last;
}

function idleMs(rules: readonly Rule[]): number {
  const limits = rules.flatMap(({ bind, bindingLimits }) =>
    bind === undefined ? [] : [bindingLimits?.idleMs || Infinity],
  );
  return Math.max(0, ...limits);
}

function boundWithin({ minutes1, minutes15, minutes60 }: BoundUsers, ms: number): number {
  if (ms <= 60_000) return minutes1;
  return ms <= 15 * 60_000 ? minutes15 : minutes60;
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
