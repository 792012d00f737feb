import type { Placement } from '../placement/placement.js';
import { Arrivals } from './arrivals.js';
import { type ChangeWhy, Health, type Thresholds } from './health.js';
import type { PoolEvent } from './pool-event.js';
import type { ConditionChange, PoolOptions } from './pool-options.js';
import { PoolState } from './pool-state.js';
import type { LivePool } from './live-pool.js';
import type { Condition, PoolSnapshot } from './snapshot.js';
import type { Upstream } from './upstream.js';

export type { ChangeWhy, PassiveThresholds, ProbeThresholds, Thresholds } from './health.js';
export type { ConditionChange, CreatePlacement, PoolOptions } from './pool-options.js';

/**
 * A pool over time: which upstreams it has and how each of them is. It does nothing of its own accord;
 * probes, requests and ticks are reported to it. What is said of an id that it doesn't have (any more) is
 * passed over.
 */
export class Pool implements LivePool {
  readonly #state: PoolState;
  #health: Map<string, Health>;
  #thresholds: Thresholds;
  /** Told of every conclusion of health, when `snapshot` shows it already. */
  onChange: ((change: ConditionChange) => void) | undefined;
  readonly #arrivals: Arrivals;
  readonly #now: (() => number) | undefined;
  readonly #onEvent: ((event: PoolEvent) => void) | undefined;
  readonly #onRequestFault: PoolOptions['onRequestFault'];

  constructor(options: PoolOptions) {
    const { upstreams, standings, placement, health, passive, now, onChange, onEvent } = options;
    this.#thresholds = { health, passive };
    this.#arrivals = new Arrivals(options.rampUpMs ?? 0);
    this.#now = now;
    this.onChange = onChange;
    this.#onEvent = onEvent;
    this.#onRequestFault = options.onRequestFault;
    this.#health = new Map(upstreams.map(({ id }) => [id, new Health()]));
    this.#state = new PoolState({ upstreams, standings }, placement);
    if (health?.before === 'probe')
      for (const { id, url } of upstreams) {
        this.#health.get(id)!.awaitProbe();
        this.#state.apply({ kind: 'condition', id, url, condition: 'down', awaySince: now?.() });
      }
  }

  /** The pool as it is now. Take it once a request. */
  get snapshot(): PoolSnapshot {
    return this.#state.snapshot;
  }

  urlOf(id: string): string | undefined {
    const index = this.snapshot.indexOf(id);
    return index === undefined ? undefined : this.snapshot.upstreams[index]!.url;
  }

  conditionOf(id: string): Condition | undefined {
    return this.#health.get(id)?.condition;
  }

  /**
   * Something happened to the pool. A condition that is told here replaces what probes and requests have said
   * so far. New members whose id and URL stay keep their health; a new URL is another instance and starts
   * `up`, as a new member does. `placed`: see `LivePool`.
   */
  apply(event: PoolEvent, placed?: Placement): void {
    const before = this.snapshot;
    if (event.kind === 'condition' && this.#state.has(event))
      this.#health.get(event.id)!.settle(event.condition);
    if (!this.#state.apply(event, placed)) return;
    const came: string[] = [];
    if (event.kind === 'members') {
      const health = new Map<string, Health>();
      for (const { id, url } of event.upstreams) {
        const index = before.indexOf(id);
        const isKept = index !== undefined && before.upstreams[index]!.url === url;
        if (!isKept) came.push(id);
        health.set(id, (isKept ? this.#health.get(id) : undefined) ?? new Health());
      }
      this.#health = health;
    }
    this.#tell(event, before);
    if (this.#thresholds.health?.before === 'probe')
      for (const id of came) this.#report(id, (health) => health.awaitProbe());
  }

  setThresholds({ health, passive, rampUpMs = 0 }: Thresholds): void {
    this.#arrivals.rampUpMs = rampUpMs;
    this.#thresholds = { health, passive };
    for (const id of this.#health.keys())
      this.#report(id, (upstream) => upstream.applyThresholds(this.#thresholds));
  }

  /** The sources say of these that they can't serve, and of no others. */
  hold(down: ReadonlySet<string>): void {
    for (const [id, health] of this.#health)
      if (down.has(id) !== health.isHeldBySource) this.#report(id, () => health.hold(down.has(id)));
  }

  probeSucceeded(id: string): void {
    this.#report(id, (health) => health.probeSucceeded(this.#thresholds));
  }

  /** `cause`: for logs, what the probe met. */
  probeFailed(id: string, cause?: string): void {
    this.#report(id, (health) => health.probeFailed(this.#thresholds), cause);
  }

  requestSucceeded(id: string): void {
    const health = this.#health.get(id);
    if (health !== undefined && health.condition !== 'up') this.#report(id, () => health.requestSucceeded());
  }

  requestFailed(id: string, nowMs: number, cause?: string): void {
    this.#onRequestFault?.(id, cause);
    this.#report(id, (health) => health.requestFailed(this.#thresholds, nowMs), cause);
  }

  requestDoubted(id: string, nowMs: number): void {
    this.#onRequestFault?.(id, undefined);
    this.#health.get(id)?.requestDoubted(this.#thresholds, nowMs);
  }

  answeredWhileDown(id: string): void {
    if (this.#report(id, (health) => health.answeredWhileDown()) === undefined) return;
    // What took all of them away at once is likely to be over for all of them.
    for (const other of this.#health.keys()) this.#report(other, (health) => health.endTimeout());
  }

  /** Upstreams to be asked whether they are there; `checked` takes the answer. */
  get doubted(): readonly Upstream[] {
    return this.snapshot.upstreams.filter(({ id }) => this.#health.get(id)!.isDoubted);
  }

  /** What came of asking an upstream of `doubted`. */
  checked(id: string, isThere: boolean, nowMs: number, cause?: string): void {
    this.#report(id, (health) => health.checked(isThere, this.#mayEject(), this.#thresholds, nowMs), cause);
  }

  /**
   * A request is about to go to an upstream whose condition is `trial`. True: it is the one; until its result
   * it is `down` for everyone else. False: another request was faster, go elsewhere.
   */
  beginTrial(id: string): boolean {
    return this.#report(id, (health) => health.beginTrial()) === 'trialBegun';
  }

  /** The trial request ended without a word on the upstream (its client went away): the next one may try. */
  abandonTrial(id: string): void {
    this.#report(id, (health) => health.abandonTrial());
  }

  /** Moves time-outs on. Call it about once a second. */
  tick(nowMs: number): void {
    for (const id of this.#health.keys()) this.#report(id, (health) => health.tick(this.#thresholds, nowMs));
  }

  /** One more, at least, of several; never the only one. */
  #mayEject(): boolean {
    let ejected = 0;
    for (const health of this.#health.values()) if (health.isEjected) ejected++;
    const share = Math.floor(this.#health.size * (this.#thresholds.passive.ejectedShareMax ?? 1));
    return ejected < Math.max(share, this.#health.size > 1 ? 1 : 0);
  }

  /** A change of the pool is in its snapshot; what begins with it is told before it. */
  #tell(event: PoolEvent, before: PoolSnapshot): void {
    const nowMs = this.#now?.();
    if (nowMs !== undefined)
      for (const ramp of this.#arrivals.rampsOf(before, this.snapshot, nowMs)) {
        this.#state.apply(ramp);
        this.#onEvent?.(ramp);
      }
    this.#onEvent?.(event);
  }

  #report(
    id: string,
    event: (health: Health) => ChangeWhy | undefined,
    cause?: string,
  ): ChangeWhy | undefined {
    const health = this.#health.get(id);
    if (health === undefined) return undefined;
    const from = health.condition;
    const why = event(health);
    if (why === undefined) return undefined;
    const to = health.condition;
    if (from !== to) {
      const { snapshot } = this;
      const index = snapshot.indexOf(id)!;
      const { url } = snapshot.upstreams[index]!;
      const awaySince = snapshot.awaySince[index] || this.#now?.();
      const event: PoolEvent = {
        kind: 'condition',
        id,
        url,
        condition: to,
        ...(to !== 'up' && awaySince !== undefined && { awaySince }),
      };
      this.#state.apply(event);
      this.#tell(event, snapshot);
    }
    // What is seen of an upstream that its source holds down changes nothing, so there is nothing to tell.
    if (from === to && health.isHeldBySource) return why;
    this.onChange?.({ id, from, to, why, ...(cause !== undefined && { cause }) });
    return why;
  }
}
