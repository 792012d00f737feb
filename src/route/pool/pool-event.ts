import type { Condition } from './snapshot.js';
import type { Sweep } from '../sweep.js';
import type { Standing } from './standing.js';
import type { Upstream } from './upstream.js';

/** An upstream goes by its URL too: for a moment of a reload, one id may stand for two instances. */
export interface UpstreamName {
  readonly id: string;
  readonly url: string;
}

/**
 * Everything that can happen to a pool, as plain data: the same in one process, and from a supervisor to its
 * workers. An event about an upstream that the pool doesn't have at this URL changes nothing.
 */
export type PoolEvent =
  /** Health has come to another conclusion about an upstream. */
  | ({
      readonly kind: 'condition';
      readonly condition: Condition;
      /** Since when it is away, in milliseconds since 1970; absent where that is not known. */
      readonly awaySince?: number | undefined;
    } & UpstreamName)
  /** An operator wants something else of an upstream. */
  | ({ readonly kind: 'standing'; readonly standing: Standing } & UpstreamName)
  /**
   * An upstream joins or comes back, and gets its share little by little. Told before the event that makes it
   * so, and kept until then.
   */
  | ({ readonly kind: 'ramp'; readonly ramp: Sweep } & UpstreamName)
  /** All upstreams of the pool from now on. One whose id and URL stay keeps its condition. */
  | ({ readonly kind: 'members' } & Members);

/** Who is in a pool, and what operators want of each. */
export interface Members {
  readonly upstreams: readonly Upstream[];
  /** In the order of `upstreams`. Absent: the first standing of each, as its `draining` says. */
  readonly standings?: readonly Standing[] | undefined;
}
