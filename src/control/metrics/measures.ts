import type { OpenConnections } from '../../proxy/open-connections.js';
import type { Why } from '../../route/outcome.js';
import type { Histogram } from './histogram.js';
import type { LeftUsers } from './leavers.js';
import type { UsersSeen } from './user-cells.js';

/*
 * What one process has counted, as plain data: a worker sends it to its supervisor. Counts of several
 * processes are added; what is so now (requests in progress, open connections) ends with its process.
 */

/** A route's requests that ended at one upstream. */
export interface RequestRow {
  readonly route: string;
  readonly pool: string;
  /** Empty: no upstream was tried. */
  readonly upstream: string;
  /** See request-row.ts. */
  readonly numbers: Float64Array;
}

export interface Miss {
  readonly route: string;
  readonly rule: string;
  readonly why: Why;
  readonly count: number;
}

export interface Move {
  readonly route: string;
  /** On purpose, or because of a failure. */
  readonly outcome: 'moved' | 'rehomed';
  readonly why: Why;
  readonly count: number;
}

export interface UpstreamRow {
  readonly pool: string;
  readonly id: string;
  readonly tries: number;
  readonly connections: number;
  readonly faults: Readonly<Record<string, number>>;
  // Now.
  readonly requestsInProgress: number;
  readonly tunnels: number;
  /** Of the users of each process, none when nobody came within the hour or nobody asked. */
  readonly users: readonly UsersSeen[];
  /** Of the drains of each process, those that have moved somebody. */
  readonly left: readonly LeftUsers[];
}

/** How a process does. */
export interface ProcessFacts {
  /** `gateway`, or `supervisor`, `worker-1` … */
  readonly name: string;
  readonly pid: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Undefined where the system doesn't say. */
  readonly openFiles: number | undefined;
  readonly openFilesMax: number | undefined;
  readonly startedAtMs: number;
  /** How late its timers are: the time for which it did something else. */
  readonly eventLoopDelay: Histogram;
}

export interface Measures {
  readonly requests: readonly RequestRow[];
  readonly misses: readonly Miss[];
  readonly moves: readonly Move[];
  readonly upstreams: readonly UpstreamRow[];
  /** By the reason: `host-missing`. */
  readonly refusedHeads: Readonly<Record<string, number>>;
  readonly connectionsAccepted: number;
  readonly connectionsTurnedAway: number;
  readonly shortages: number;
  // Now.
  readonly connections: readonly OpenConnections[];
  readonly http2Streams: number;
  readonly processes: readonly ProcessFacts[];
}

export const NO_MEASURES: Measures = {
  requests: [],
  misses: [],
  moves: [],
  upstreams: [],
  refusedHeads: {},
  connectionsAccepted: 0,
  connectionsTurnedAway: 0,
  shortages: 0,
  connections: [],
  http2Streams: 0,
  processes: [],
};

/** What stays of a process that is gone. */
export function remains(measures: Measures): Measures {
  return {
    ...measures,
    upstreams: measures.upstreams.map((row) => ({ ...row, requestsInProgress: 0, tunnels: 0, users: [] })),
    connections: [],
    http2Streams: 0,
    processes: [],
  };
}

export function addMeasures(all: readonly Measures[]): Measures {
  if (all.length === 1) return all[0]!;
  return {
    requests: joined(
      all.flatMap(({ requests }) => requests),
      ({ route, pool, upstream }) => [route, pool, upstream],
      (a, b) => ({ ...a, numbers: a.numbers.map((number, at) => number + b.numbers[at]!) }),
    ),
    misses: joined(
      all.flatMap(({ misses }) => misses),
      ({ route, rule, why }) => [route, rule, why],
      (a, b) => ({ ...a, count: a.count + b.count }),
    ),
    moves: joined(
      all.flatMap(({ moves }) => moves),
      ({ route, outcome, why }) => [route, outcome, why],
      (a, b) => ({ ...a, count: a.count + b.count }),
    ),
    upstreams: joined(
      all.flatMap(({ upstreams }) => upstreams),
      ({ pool, id }) => [pool, id],
      (a, b) => ({
        ...a,
        tries: a.tries + b.tries,
        connections: a.connections + b.connections,
        faults: addRecords(a.faults, b.faults),
        requestsInProgress: a.requestsInProgress + b.requestsInProgress,
        tunnels: a.tunnels + b.tunnels,
        users: [...a.users, ...b.users],
        left: [...a.left, ...b.left],
      }),
    ),
    refusedHeads: all.reduce((sum, { refusedHeads }) => addRecords(sum, refusedHeads), {}),
    connectionsAccepted: sumOf(all, ({ connectionsAccepted }) => connectionsAccepted),
    connectionsTurnedAway: sumOf(all, ({ connectionsTurnedAway }) => connectionsTurnedAway),
    shortages: sumOf(all, ({ shortages }) => shortages),
    connections: joined(
      all.flatMap(({ connections }) => connections),
      ({ protocol, state }) => [protocol, state],
      (a, b) => ({ ...a, count: a.count + b.count }),
    ),
    http2Streams: sumOf(all, ({ http2Streams }) => http2Streams),
    processes: all.flatMap(({ processes }) => processes),
  };
}

/** Rows of one name are added. No name holds a line feed. */
function joined<T>(rows: readonly T[], names: (row: T) => readonly string[], add: (a: T, b: T) => T): T[] {
  const byName = new Map<string, T>();
  for (const row of rows) {
    const name = names(row).join('\n');
    const before = byName.get(name);
    byName.set(name, before === undefined ? row : add(before, row));
  }
  return [...byName.values()];
}

function addRecords(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function sumOf(all: readonly Measures[], number: (measures: Measures) => number): number {
  return all.reduce((sum, measures) => sum + number(measures), 0);
}
