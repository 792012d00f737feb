import type { RefusedHead, RequestRecord } from '../proxy/request-record.js';

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

export const NO_COUNTERS: Counters = {
  requests: 0,
  outcomes: {},
  statuses: {},
  connections: 0,
  turnedAway: 0,
  shortages: 0,
};

/** Counts requests as they end. */
export class RequestCounter {
  #requests = 0;
  readonly #outcomes: Record<string, number> = {};
  readonly #statuses: Record<string, number> = {};

  finished({ decision, status }: RequestRecord): void {
    if (decision !== undefined)
      this.#outcomes[decision.outcome] = (this.#outcomes[decision.outcome] ?? 0) + 1;
    this.#count(status);
  }

  refused({ status }: RefusedHead): void {
    this.#count(status);
  }

  read(now: Pick<Counters, 'connections' | 'turnedAway' | 'shortages'>): Counters {
    return {
      requests: this.#requests,
      outcomes: { ...this.#outcomes },
      statuses: { ...this.#statuses },
      ...now,
    };
  }

  #count(status: number): void {
    this.#requests++;
    const name = CLASSES[Math.floor(status / 100)] ?? 'none';
    this.#statuses[name] = (this.#statuses[name] ?? 0) + 1;
  }
}

const CLASSES: readonly (string | undefined)[] = [undefined, '1xx', '2xx', '3xx', '4xx', '5xx'];

/** Of several gateways together. */
export function addCounters(all: readonly Counters[]): Counters {
  return all.reduce(
    (sum, each) => ({
      requests: sum.requests + each.requests,
      outcomes: addRecords(sum.outcomes, each.outcomes),
      statuses: addRecords(sum.statuses, each.statuses),
      connections: sum.connections + each.connections,
      turnedAway: sum.turnedAway + each.turnedAway,
      shortages: sum.shortages + each.shortages,
    }),
    NO_COUNTERS,
  );
}

function addRecords(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
