import type { Placement } from '../../route/placement/placement.js';
import type { Thresholds } from '../../route/pool/health.js';
import type { PoolEvent } from '../../route/pool/pool-event.js';
import type { PoolOptions } from '../../route/pool/pool-options.js';
import { PoolState } from '../../route/pool/pool-state.js';
import type { LivePool } from '../../route/pool/live-pool.js';
import type { Condition, PoolSnapshot } from '../../route/pool/snapshot.js';
import type { InPool } from './protocol.js';

/** What the supervisor is told of an upstream. */
export type Telling =
  | 'requestFailed'
  | 'requestDoubted'
  | 'answeredWhileDown'
  | 'trialBegun'
  | 'trialSucceeded'
  | 'trialAbandoned';

/**
 * A pool in a worker: everything about it comes from the supervisor, as the events of its own pool. A waiting
 * trial shows only in the worker that has the permit, so that `beginTrial` can answer at once and still no
 * two workers try the same upstream.
 */
export class SupervisedPool implements LivePool {
  readonly #name: string;
  readonly #tell: (kind: Telling, upstream: InPool) => void;
  /** Shows a trial as `down` while another worker has the permit. */
  readonly #state: PoolState;
  /** As the supervisor last said; those that are up are not in it. */
  readonly #conditions = new Map<string, Condition>();
  readonly #awaySince = new Map<string, number>();
  /** Trials under way in this worker. */
  readonly #trials = new Set<string>();
  #hasPermit: boolean;
  #countsFailures: boolean;

  constructor(
    name: string,
    options: PoolOptions,
    hasPermit: boolean,
    tell: (kind: Telling, upstream: InPool) => void,
  ) {
    this.#name = name;
    this.#tell = tell;
    this.#hasPermit = hasPermit;
    this.#countsFailures = options.passive.maxFails > 0;
    this.#state = new PoolState(options, options.placement);
  }

  get snapshot(): PoolSnapshot {
    return this.#state.snapshot;
  }

  // ---- From the supervisor ----

  apply(event: PoolEvent, placed?: Placement): void {
    const before = this.snapshot;
    if (event.kind === 'condition') {
      if (!this.#state.has(event)) return;
      if (event.condition === 'up') this.#conditions.delete(event.id);
      else this.#conditions.set(event.id, event.condition);
      if (event.condition === 'up' || event.awaySince === undefined) this.#awaySince.delete(event.id);
      else this.#awaySince.set(event.id, event.awaySince);
      this.#show(event.id);
      return;
    }
    if (!this.#state.apply(event, placed) || event.kind !== 'members') return;
    for (const upstream of before.upstreams) {
      if (this.#state.has(upstream)) continue;
      this.#conditions.delete(upstream.id);
      this.#awaySince.delete(upstream.id);
      this.#trials.delete(upstream.id);
    }
  }

  setPermit(hasPermit: boolean): void {
    this.#hasPermit = hasPermit;
    for (const id of this.#conditions.keys()) this.#show(id);
  }

  // ---- From a reload ----

  setThresholds({ passive }: Thresholds): void {
    this.#countsFailures = passive.maxFails > 0;
  }

  // ---- From requests ----

  /** Called for every request, so the ordinary case is one comparison. */
  requestSucceeded(id: string): void {
    if (this.#trials.size > 0 && this.#trials.delete(id)) this.#say('trialSucceeded', id);
  }

  /** Failures of an upstream that is down already say nothing new. */
  requestFailed(id: string, _nowMs: number, cause?: string): void {
    if (this.#saysNews(id)) this.#say('requestFailed', id, cause);
  }

  requestDoubted(id: string): void {
    if (this.#saysNews(id)) this.#say('requestDoubted', id);
  }

  answeredWhileDown(id: string): void {
    if (this.#conditions.has(id)) this.#say('answeredWhileDown', id);
  }

  beginTrial(id: string): boolean {
    if (!this.#hasPermit || this.#conditions.get(id) !== 'trial') return false;
    this.#conditions.set(id, 'down');
    this.#trials.add(id);
    this.#show(id);
    this.#say('trialBegun', id);
    return true;
  }

  abandonTrial(id: string): void {
    if (this.#trials.delete(id)) this.#say('trialAbandoned', id);
  }

  #show(id: string): void {
    const url = this.#urlOf(id);
    if (url === undefined) return;
    const condition = this.#conditions.get(id) ?? 'up';
    const shown = condition === 'trial' && !this.#hasPermit ? 'down' : condition;
    const awaySince = this.#awaySince.get(id);
    this.#state.apply({ kind: 'condition', id, url, condition: shown, awaySince });
  }

  #saysNews(id: string): boolean {
    return this.#trials.delete(id) || (this.#countsFailures && !this.#conditions.has(id));
  }

  #urlOf(id: string): string | undefined {
    const { snapshot } = this;
    const index = snapshot.indexOf(id);
    return index === undefined ? undefined : snapshot.upstreams[index]!.url;
  }

  #say(kind: Telling, id: string, cause?: string): void {
    const url = this.#urlOf(id);
    if (url !== undefined)
      this.#tell(kind, { pool: this.#name, id, url, ...(cause !== undefined && { cause }) });
  }
}
