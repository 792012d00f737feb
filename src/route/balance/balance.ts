import type { Random } from '../../base/random.js';
import type { PoolSnapshot } from '../pool/snapshot.js';

/** Requests in progress, by the upstream's index in the snapshot. */
export type Load = ArrayLike<number>;

/** What a pick may look at. */
export interface BalanceFacts {
  readonly pool: PoolSnapshot;
  readonly load: Load;
  readonly random: Random;
  /** True for an upstream that this request has tried already. Never pick it again. */
  tried(index: number): boolean;
}

/** no key → upstreams, best first, one pick at a time. */
export interface Balance {
  readonly name: string;
  /** The best upstream that takes new users and was not tried; -1 when none is left. */
  pick(facts: BalanceFacts): number;
}
