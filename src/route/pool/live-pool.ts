import type { Placement } from '../placement/placement.js';
import type { Thresholds } from './health.js';
import type { PoolEvent } from './pool-event.js';
import type { PoolSnapshot } from './snapshot.js';

/**
 * A pool as requests and reloads know it. `Pool` keeps the conditions of its upstreams itself; in a worker
 * process they come from the supervisor, and whoever sends requests sees no difference.
 */
export interface LivePool {
  readonly snapshot: PoolSnapshot;
  /**
   * `placed`: the placement of new members, when it has been built before (what may fail in a reload fails
   * before anything changes).
   */
  apply(event: PoolEvent, placed?: Placement): void;
  setThresholds(thresholds: Thresholds): void;
  requestSucceeded(id: string): void;
  /** A fact about the upstream: no connection to it could be made. */
  /** `cause`: for logs, such as `ECONNREFUSED`. */
  requestFailed(id: string, nowMs: number, cause?: string): void;
  /** It took a request and gave no answer; the request itself may be why. */
  requestDoubted(id: string, nowMs: number): void;
  /** It answered a request that was sent to it because nothing was up (`triedAllTheSame`). */
  answeredWhileDown(id: string): void;
  /** True: this request is the one that tries an upstream whose condition is `trial`. */
  beginTrial(id: string): boolean;
  abandonTrial(id: string): void;
}
