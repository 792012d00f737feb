import type { Clock, Timer } from '../../base/clock.js';
import { BOUNDS_SECONDS } from '../metrics/histogram.js';
import type { MetricsSnapshot } from '../metrics/snapshot.js';
import type { TrafficOf } from './state-views.js';

const SAMPLE_MS = 5000;
/** Rates and percentiles are those of the last minute. */
const SAMPLES_MAX = 12;

/** What an upstream had done by an instant. */
interface Done {
  requests: number;
  failures: number;
  times: number[];
}

interface Sample {
  readonly atMs: number;
  readonly done: ReadonlyMap<string, Done>;
}

const NOTHING: Done = { requests: 0, failures: 0, times: [] };

/** How busy each upstream is: from what was counted now, and up to a minute ago. */
export class Traffic {
  readonly #metrics: () => Promise<MetricsSnapshot>;
  readonly #timer: Timer;
  #samples: readonly Sample[] = [];

  constructor(metrics: () => Promise<MetricsSnapshot>, clock: Clock) {
    this.#metrics = metrics;
    const look = (): void =>
      void metrics().then(
        (snapshot) => (this.#samples = [...this.#samples, sampleOf(snapshot)].slice(-SAMPLES_MAX)),
        () => undefined,
      );
    this.#timer = clock.every(SAMPLE_MS, look);
    look();
  }

  stop(): void {
    this.#timer.stop();
  }

  async read(): Promise<TrafficOf> {
    const snapshot = await this.#metrics();
    const now = sampleOf(snapshot);
    const before = this.#samples[0];
    const seconds = before === undefined ? 0 : Math.max(0, (now.atMs - before.atMs) / 1000);
    const rows = new Map(snapshot.upstreams.map((row) => [keyOf(row.pool, row.id), row]));
    return (pool, upstream) => {
      const key = keyOf(pool, upstream);
      const row = rows.get(key);
      if (row === undefined) return undefined;
      const done = now.done.get(key) ?? NOTHING;
      const past = before?.done.get(key) ?? NOTHING;
      const perSecond = (count: number): number =>
        seconds < 1 ? 0 : Math.round((Math.max(0, count) / seconds) * 100) / 100;
      const times = done.times.map((count, at) => Math.max(0, count - (past.times[at] ?? 0)));
      return {
        requestsInProgress: row.requestsInProgress,
        tunnels: row.tunnels,
        boundUsers: { ...row.boundUsers },
        requestsPerSecond: perSecond(done.requests - past.requests),
        failuresPerSecond: perSecond(done.failures - past.failures),
        ...percentiles(times),
        faults: { ...row.faults },
      };
    };
  }
}

function sampleOf({ atMs, requests }: MetricsSnapshot): Sample {
  const done = new Map<string, Done>();
  for (const { pool, upstream, ended, requestTime } of requests) {
    const key = keyOf(pool, upstream);
    const sum = done.get(key) ?? { requests: 0, failures: 0, times: requestTime.counts.map(() => 0) };
    for (const { statusClass, count } of ended) {
      sum.requests += count;
      if (statusClass === '5xx') sum.failures += count;
    }
    requestTime.counts.forEach((count, at) => (sum.times[at]! += count));
    done.set(key, sum);
  }
  return { atMs, done };
}

function keyOf(pool: string, upstream: string): string {
  return `${pool}\n${upstream}`;
}

/** Within a bucket times are taken to lie evenly. Nothing for no requests. */
function percentiles(counts: readonly number[]): { p50Ms?: number; p95Ms?: number; p99Ms?: number } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return {};
  const at = (share: number): number => {
    let left = share * total;
    for (const [bucket, count] of counts.entries()) {
      const low = bucket === 0 ? 0 : BOUNDS_SECONDS[bucket - 1]!;
      const high = BOUNDS_SECONDS[bucket] ?? low;
      if (count > 0 && left <= count) return Math.round((low + (high - low) * (left / count)) * 10_000) / 10;
      left -= count;
    }
    return BOUNDS_SECONDS.at(-1)! * 1000;
  };
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
