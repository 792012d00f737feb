import type { FirstBinding } from '../../route/first-binding.js';

/** Pools of one connection's requests; a reload makes new ones. */
const POOLS_MAX = 16;

/**
 * Where a connection's requests went that came without a binding, one upstream a pool. A browser sends the
 * first requests of a page side by side over one connection, and none of them has the cookie yet: they must
 * not be bound to several upstreams.
 */
export class FirstBindings {
  readonly #byPool = new Map<object, FirstBinding>();

  of(pool: object): FirstBinding {
    let binding = this.#byPool.get(pool);
    if (binding === undefined) {
      if (this.#byPool.size >= POOLS_MAX) this.#byPool.clear();
      binding = { upstreamId: undefined };
      this.#byPool.set(pool, binding);
    }
    return binding;
  }
}
