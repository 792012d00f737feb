import { Pool, type PoolOptions, type Thresholds } from '../../route/pool/pool.js';
import type { PoolView } from '../../route/pool/pool-view.js';
import type { Placement } from '../../route/placement/placement.js';
import type { Condition, PoolSnapshot } from '../../route/pool/snapshot.js';
import type { Upstream } from '../../route/pool/upstream.js';
import type { UpstreamName } from './protocol.js';

/** What the supervisor is told of an upstream. */
export type Telling = 'requestFailed' | 'trialBegun' | 'trialSucceeded' | 'trialAbandoned';

/**
 * A pool in a worker: its members and placement are here, the conditions come from the supervisor. A waiting
 * trial shows only in the worker whose turn it is, so that `beginTrial` can answer at once and still no two
 * workers try the same upstream.
 */
export class SupervisedPool implements PoolView {
  readonly #name: string;
  readonly #tell: (kind: Telling, upstream: UpstreamName) => void;
  /** Knows the members; nothing is ever reported to it. */
  readonly #members: Pool;
  /** As the supervisor last said; those that are up are not in it. */
  readonly #conditions = new Map<string, Condition>();
  /** Trials under way in this worker. */
  readonly #trials = new Set<string>();
  #hasTurn: boolean;
  #countsFailures: boolean;
  #snapshot: PoolSnapshot;

  constructor(
    name: string,
    options: PoolOptions,
    hasTurn: boolean,
    tell: (kind: Telling, upstream: UpstreamName) => void,
  ) {
    this.#name = name;
    this.#tell = tell;
    this.#hasTurn = hasTurn;
    this.#countsFailures = options.passive.maxFails > 0;
    this.#members = new Pool(options);
    this.#snapshot = this.#renewed(1);
  }

  get snapshot(): PoolSnapshot {
    return this.#snapshot;
  }

  // ---- From the supervisor ----

  /** What is said of an upstream that this worker doesn't have, or has at another URL, is passed over. */
  setCondition(id: string, url: string, condition: Condition): void {
    if (this.#urlOf(id) !== url) return;
    if (condition === 'up') this.#conditions.delete(id);
    else this.#conditions.set(id, condition);
    this.#renew();
  }

  setTurn(hasTurn: boolean): void {
    this.#hasTurn = hasTurn;
    if (this.#conditions.size > 0) this.#renew();
  }

  // ---- From a reload ----

  setUpstreams(upstreams: readonly Upstream[], placed?: Placement): void {
    const before = this.#members.snapshot;
    this.#members.setUpstreams(upstreams, placed);
    for (const { id, url } of before.upstreams) {
      if (this.#urlOf(id) === url) continue;
      this.#conditions.delete(id);
      this.#trials.delete(id);
    }
    if (this.#members.snapshot !== before) this.#renew();
  }

  setThresholds({ passive }: Thresholds): void {
    this.#countsFailures = passive.maxFails > 0;
  }

  // ---- From requests ----

  /** Called for every request, so the ordinary case is one comparison. */
  requestSucceeded(id: string): void {
    if (this.#trials.size > 0 && this.#trials.delete(id)) this.#say('trialSucceeded', id);
  }

  /** Failures of an upstream that is down already say nothing new. */
  requestFailed(id: string): void {
    if (this.#trials.delete(id) || (this.#countsFailures && !this.#conditions.has(id)))
      this.#say('requestFailed', id);
  }

  beginTrial(id: string): boolean {
    if (!this.#hasTurn || this.#conditions.get(id) !== 'trial') return false;
    this.#conditions.set(id, 'down');
    this.#trials.add(id);
    this.#renew();
    this.#say('trialBegun', id);
    return true;
  }

  abandonTrial(id: string): void {
    if (this.#trials.delete(id)) this.#say('trialAbandoned', id);
  }

  #urlOf(id: string): string | undefined {
    const { snapshot } = this.#members;
    const index = snapshot.indexOf(id);
    return index === undefined ? undefined : snapshot.upstreams[index]!.url;
  }

  #say(kind: Telling, id: string): void {
    const url = this.#urlOf(id);
    if (url !== undefined) this.#tell(kind, { pool: this.#name, id, url });
  }

  #renew(): void {
    this.#snapshot = this.#renewed(this.#snapshot.version + 1);
  }

  #renewed(version: number): PoolSnapshot {
    const members = this.#members.snapshot;
    return new SupervisedSnapshot(
      version,
      members,
      members.upstreams.map(({ id }) => this.#shown(id)),
    );
  }

  #shown(id: string): Condition {
    const condition = this.#conditions.get(id) ?? 'up';
    return condition === 'trial' && !this.#hasTurn ? 'down' : condition;
  }
}

class SupervisedSnapshot implements PoolSnapshot {
  readonly version: number;
  readonly upstreams: readonly Upstream[];
  readonly conditions: readonly Condition[];
  readonly placement: Placement;
  readonly #members: PoolSnapshot;

  constructor(version: number, members: PoolSnapshot, conditions: readonly Condition[]) {
    this.version = version;
    this.upstreams = members.upstreams;
    this.conditions = conditions;
    this.placement = members.placement;
    this.#members = members;
  }

  indexOf(id: string): number | undefined {
    return this.#members.indexOf(id);
  }
}
