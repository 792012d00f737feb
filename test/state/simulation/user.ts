import type { CacheScope } from '../../../src/state/cache/index.js';
import { Seen, type SeenVersion } from '../../../src/state/cache/seen.js';
import { BOUND_MS, type Member } from './fleet.js';
import type { SimulatedProcess, World } from './world.js';

/** Somebody with a browser: one request at a time, each to another process, and a cookie that comes along. */
export class User {
  readonly id: string;
  /** Where its request is; undefined while it has none. */
  busyAt: SimulatedProcess | undefined;
  /** By entry, what it has seen or written of it, as the index of the register's state. */
  readonly floors = new Map<object, number>();
  readonly #world: World;
  readonly #forgets: boolean;
  // Not as a cookie: to sign and to read one takes longer than all the rest of a request here. Tests of their own do that.
  #carried: readonly SeenVersion[] = [];
  #carriedUntilMs = 0;

  constructor(id: string, world: World, forgets: boolean) {
    this.id = id;
    this.#world = world;
    this.#forgets = forgets;
  }

  arrive({ cache, process }: Member): { readonly scope: CacheScope; readonly seen: Seen } {
    const seen = new Seen(process.clock, BOUND_MS);
    if (!this.#forgets && this.#world.nowMs < this.#carriedUntilMs) seen.know(this.#carried);
    return { scope: cache.scope(this.id, seen), seen };
  }

  leave(seen: Seen): void {
    if (!seen.hasNews) return;
    this.#carried = seen.versions;
    this.#carriedUntilMs = this.#world.nowMs + 2 * BOUND_MS;
  }

  saw(entry: object, state: number): void {
    this.floors.set(entry, Math.max(state, this.floors.get(entry) ?? 0));
  }
}
