import type { Measures } from './metrics/measures.js';
import { sumsOf } from './metrics/request-row.js';

/** What a gateway has done since it started, but for `connections`, which are those open now. */
export interface Counters {
  readonly requests: number;
  /** By outcome; a request for which there was no route has none. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** By status class: `2xx`. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly connections: number;
  /** New connections that were closed as they came, since there were as many as may be. */
  readonly turnedAway: number;
  /** Connections that the system had no file, port or memory for. */
  readonly shortages: number;
}

/** The sums of what was counted; `operations.metrics()` has all of it. */
export function countersOf(measures: Measures): Counters {
  const outcomes: Record<string, number> = {};
  const statuses: Record<string, number> = {};
  let requests = 0;
  for (const { numbers } of measures.requests)
    for (const { outcome, statusClass, count } of sumsOf(numbers).ended) {
      requests += count;
      statuses[statusClass] = (statuses[statusClass] ?? 0) + count;
      if (outcome !== undefined) outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
    }
  return {
    requests,
    outcomes,
    statuses,
    connections: measures.connections.reduce((sum, { count }) => sum + count, 0),
    turnedAway: measures.connectionsTurnedAway,
    shortages: measures.shortages,
  };
}
