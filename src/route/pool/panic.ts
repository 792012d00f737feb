import type { Placement } from '../placement/placement.js';
import type { Condition, PoolSnapshot } from './snapshot.js';
import type { Standing } from './standing.js';
import type { Upstream } from './upstream.js';

/**
 * The pool that requests are decided against: as it is, or, when no upstream that takes new users is up, one
 * in which every upstream is. A request that may fail is better than one that is turned away for certain, and
 * whoever took the upstreams away may have been wrong.
 */
export function triedAllTheSame(pool: PoolSnapshot): PoolSnapshot {
  const { conditions, standings } = pool;
  for (let at = 0; at < conditions.length; at++)
    if (conditions[at] === 'up' && standings[at] === 'in') return pool;
  return new PanicSnapshot(pool);
}

/** Was it decided against a pool with nothing up? */
export function isPanic(pool: PoolSnapshot): boolean {
  return pool instanceof PanicSnapshot;
}

class PanicSnapshot implements PoolSnapshot {
  readonly version: number;
  readonly upstreams: readonly Upstream[];
  readonly conditions: readonly Condition[];
  readonly awaySince: readonly number[];
  readonly standings: readonly Standing[];
  readonly placement: Placement;
  readonly #pool: PoolSnapshot;

  constructor(pool: PoolSnapshot) {
    this.version = pool.version;
    this.upstreams = pool.upstreams;
    this.conditions = pool.conditions.map(() => 'up');
    this.awaySince = pool.awaySince;
    this.standings = pool.standings;
    this.placement = pool.placement;
    this.#pool = pool;
  }

  indexOf(id: string): number | undefined {
    return this.#pool.indexOf(id);
  }
}
