import type { Timer } from '../../base/clock.js';
import type { Upstream } from '../../route/pool/upstream.js';

/**
 * Where upstreams of a pool come from: the list in the configuration, or something that is asked again and
 * again. A source never fails as a whole: a look that went wrong leaves `upstreams` as they were.
 */
export interface Source {
  /**
   * All that it knows now. Ids are stable: an upstream that was found is `name[address]`, so that the same
   * address comes back under the same id.
   */
  readonly upstreams: readonly Upstream[];
  /** Looks from now on, and calls `changed` each time that `upstreams` are others, until it is stopped. */
  start(changed: () => void): Timer;
}
