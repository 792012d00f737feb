import type { Member, Placement } from '../placement/placement.js';
import type { ChangeWhy, Thresholds } from './health.js';
import type { Members, PoolEvent } from './pool-event.js';
import type { Condition } from './snapshot.js';

/** For logs: an upstream's condition changed (`trialFailed`: it stays `down` for another time-out). */
export interface ConditionChange {
  readonly id: string;
  readonly from: Condition;
  readonly to: Condition;
  readonly why: ChangeWhy;
  /** What was met: an error's code, `timeout`, `status 503`. Absent where nothing failed. */
  readonly cause?: string | undefined;
}

export type CreatePlacement = (members: readonly Member[]) => Placement;

export interface PoolOptions extends Thresholds, Members {
  readonly placement: CreatePlacement;
  /** Milliseconds since 1970. Absent: since when an upstream is away is not known. */
  readonly now?: (() => number) | undefined;
  /** Told of every conclusion of health, when `snapshot` shows it already. */
  readonly onChange?: ((change: ConditionChange) => void) | undefined;
  /** Told of every event that made a new snapshot, when `snapshot` shows it already. */
  readonly onEvent?: ((event: PoolEvent) => void) | undefined;
  /** Told of each request that failed at an upstream. `cause`: undefined when it gave no answer. */
  readonly onRequestFault?: ((id: string, cause: string | undefined) => void) | undefined;
}
