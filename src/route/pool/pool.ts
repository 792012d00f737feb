import { StickyError } from '../../base/errors.js';
import type { Member, Placement } from '../placement/placement.js';
import { type ChangeWhy, Health, type Thresholds } from './health.js';
import type { PoolView } from './pool-view.js';
import type { Condition, PoolSnapshot } from './snapshot.js';
import { membersOf, type Upstream } from './upstream.js';

export type { ChangeWhy, PassiveThresholds, ProbeThresholds, Thresholds } from './health.js';

/** For logs: an upstream's condition changed (`trialFailed`: it stays `down` for another time-out). */
export interface ConditionChange {
  readonly id: string;
  readonly from: Condition;
  readonly to: Condition;
  readonly why: ChangeWhy;
}

export type CreatePlacement = (members: readonly Member[]) => Placement;

export interface PoolOptions extends Thresholds {
  readonly upstreams: readonly Upstream[];
  readonly placement: CreatePlacement;
  readonly onChange?: ((change: ConditionChange) => void) | undefined;
}

/**
 * A pool over time: which upstreams it has and how each of them is. It does nothing of its own accord;
 * probes, requests and ticks are reported to it. What is said of an id that it doesn't have (any more) is
 * passed over.
 */
export class Pool implements PoolView {
  #snapshot: PoolSnapshot;
  #health: Map<string, Health>;
  #thresholds: Thresholds;
  /** Told after every change of a condition, when `snapshot` shows it already. */
  onChange: ((change: ConditionChange) => void) | undefined;

  constructor({ upstreams, placement, health, passive, onChange }: PoolOptions) {
    this.#thresholds = { health, passive };
    this.onChange = onChange;
    this.#health = new Map(upstreams.map(({ id }) => [id, new Health()]));
    const places = placesOf(upstreams);
    this.#snapshot = new Snapshot(
      1,
      upstreams,
      upstreams.map(() => 'up'),
      placement(membersOf(upstreams)),
      places,
    );
  }

  /** The pool as it is now. Take it once a request. */
  get snapshot(): PoolSnapshot {
    return this.#snapshot;
  }

  conditionOf(id: string): Condition | undefined {
    return this.#health.get(id)?.condition;
  }

  /**
   * Upstreams whose id and url stay keep their health; a changed url is another instance and starts `up`, as
   * a new one does.
   */
  setUpstreams(upstreams: readonly Upstream[], placed?: Placement): void {
    const before = this.#snapshot;
    if ((placed === undefined || placed === before.placement) && isSame(before.upstreams, upstreams)) return;
    const places = placesOf(upstreams);
    const placement = placed ?? before.placement.withMembers(membersOf(upstreams));
    const health = new Map<string, Health>();
    for (const { id, url } of upstreams) {
      const index = before.indexOf(id);
      const isKept = index !== undefined && before.upstreams[index]!.url === url;
      health.set(id, (isKept ? this.#health.get(id) : undefined) ?? new Health());
    }
    this.#health = health;
    const conditions = upstreams.map(({ id }) => health.get(id)!.condition);
    this.#snapshot = new Snapshot(before.version + 1, upstreams, conditions, placement, places);
  }

  setThresholds({ health, passive }: Thresholds): void {
    this.#thresholds = { health, passive };
    for (const id of this.#health.keys())
      this.#report(id, (upstream) => upstream.applyThresholds(this.#thresholds));
  }

  probeSucceeded(id: string): void {
    this.#report(id, (health) => health.probeSucceeded(this.#thresholds));
  }

  probeFailed(id: string): void {
    this.#report(id, (health) => health.probeFailed(this.#thresholds));
  }

  requestSucceeded(id: string): void {
    const health = this.#health.get(id);
    if (health !== undefined && health.condition !== 'up') this.#report(id, () => health.requestSucceeded());
  }

  requestFailed(id: string, nowMs: number): void {
    this.#report(id, (health) => health.requestFailed(this.#thresholds, nowMs));
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

  #report(id: string, event: (health: Health) => ChangeWhy | undefined): ChangeWhy | undefined {
    const health = this.#health.get(id);
    if (health === undefined) return undefined;
    const from = health.condition;
    const why = event(health);
    if (why === undefined) return undefined;
    const to = health.condition;
    if (from !== to) this.#renew(id, to);
    this.onChange?.({ id, from, to, why });
    return why;
  }

  #renew(id: string, condition: Condition): void {
    const before = this.#snapshot as Snapshot;
    const conditions = [...before.conditions];
    conditions[before.indexOf(id)!] = condition;
    this.#snapshot = new Snapshot(
      before.version + 1,
      before.upstreams,
      conditions,
      before.placement,
      before.places,
    );
  }
}

class Snapshot implements PoolSnapshot {
  readonly version: number;
  readonly upstreams: readonly Upstream[];
  readonly conditions: readonly Condition[];
  readonly placement: Placement;
  readonly places: ReadonlyMap<string, number>;

  constructor(
    version: number,
    upstreams: readonly Upstream[],
    conditions: readonly Condition[],
    placement: Placement,
    places: ReadonlyMap<string, number>,
  ) {
    this.version = version;
    this.upstreams = upstreams;
    this.conditions = conditions;
    this.placement = placement;
    this.places = places;
  }

  indexOf(id: string): number | undefined {
    return this.places.get(id);
  }
}

function placesOf(upstreams: readonly Upstream[]): ReadonlyMap<string, number> {
  const places = new Map(upstreams.map(({ id }, index) => [id, index]));
  if (places.size === upstreams.length) return places;
  const twice = upstreams.find(({ id }, index) => places.get(id) !== index)!;
  throw new StickyError(
    'STICKY_POOL_INVALID',
    `The pool has two upstreams with the id "${twice.id}": give each an id of its own.`,
  );
}

function isSame(before: readonly Upstream[], after: readonly Upstream[]): boolean {
  return (
    before.length === after.length &&
    before.every((one, index) => {
      const other = after[index]!;
      return (
        one.id === other.id &&
        one.url === other.url &&
        one.weight === other.weight &&
        one.draining === other.draining &&
        one.address === other.address &&
        one.haproxyId === other.haproxyId
      );
    })
  );
}
