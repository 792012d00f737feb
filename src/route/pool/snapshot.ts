import type { Placement } from '../placement/placement.js';
import type { Sweep } from '../sweep.js';
import type { Standing } from './standing.js';
import type { Upstream } from './upstream.js';

/**
 * What health says of an upstream. `trial`: it failed, its time-out has passed, and one request may try it
 * (the half-open state of a circuit breaker).
 */
export type Condition = 'up' | 'down' | 'trial';

/**
 * An immutable view of a pool. Every change of members, conditions or standings makes a new one with the next
 * version; a request is decided against one snapshot from its first byte to its last try.
 */
export interface PoolSnapshot {
  readonly version: number;
  readonly upstreams: readonly Upstream[];
  /** What health says of each, in the order of `upstreams`. */
  readonly conditions: readonly Condition[];
  /**
   * Since when each is away, in milliseconds since 1970: from the first sign of it until it is up again. 0
   * for those that are up, and where it is not known.
   */
  readonly awaySince: readonly number[];
  /** What operators want of each, in the order of `upstreams`. */
  readonly standings: readonly Standing[];
  /**
   * How each of those that joined or came back gets its share little by little; also the ramps that are over.
   * Undefined where nobody ever ramped up.
   */
  readonly ramps?: readonly (Sweep | undefined)[] | undefined;
  /** Over all members, whatever their health: health is a filter on its ranking, so it moves nobody else. */
  readonly placement: Placement;
  /** Where an id stands in `upstreams`; undefined where the pool has no such upstream. */
  indexOf(id: string): number | undefined;
}

const among = new WeakMap<PoolSnapshot, Placement>();

/**
 * The placement as the pool's conditions leave it: another one only where the placement wants to know them,
 * made once for a snapshot.
 */
export function placementNow(pool: PoolSnapshot): Placement {
  const { placement } = pool;
  if (placement.among === undefined) return placement;
  let now = among.get(pool);
  if (now === undefined) {
    now = placement.among((index) => takesNewUsers(pool, index));
    among.set(pool, now);
  }
  return now;
}

/** Can it take a request of someone who belongs there (a binding), whoever that is? */
export function isReachable(pool: PoolSnapshot, index: number): boolean {
  const standing = pool.standings[index]!;
  return pool.conditions[index] !== 'down' && (standing === 'in' || standing === 'leaving');
}

/** Can it take someone new (a key's placement, a balance)? */
export function takesNewUsers(pool: PoolSnapshot, index: number): boolean {
  return pool.conditions[index] !== 'down' && pool.standings[index] === 'in';
}
