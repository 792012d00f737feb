import type { CacheScope } from '../../../src/state/cache/index.js';
import { Seen, type CarriedVersion } from '../../../src/state/cache/seen.js';
import { BOUND_MS, type Member } from './fleet.js';
import type { SimulatedProcess, World } from './world.js';

/** What one answer gave a browser to bring along. */
interface Cookie {
  readonly versions: readonly CarriedVersion[];
  readonly untilMs: number;
}

export interface Request {
  readonly process: SimulatedProcess;
  readonly brought: readonly Cookie[];
  readonly scope: CacheScope;
  readonly seen: Seen;
}

const AT_ONCE_MAX = 2;

/**
 * Somebody with a browser: a request or two at once, each to another process, and cookies that come along.
 */
export class User {
  readonly id: string;
  /** Where its requests are. */
  readonly underway: SimulatedProcess[] = [];
  /** By entry, what it has seen or written of it, as the index of the register's state. */
  readonly floors = new Map<object, number>();
  readonly #world: World;
  readonly #forgets: boolean;
  // Not as texts: to sign and to read one takes longer than all the rest of a request here. Tests of their
  // own do that.
  #jar: readonly Cookie[] = [];

  constructor(id: string, world: World, forgets: boolean) {
    this.id = id;
    this.#world = world;
    this.#forgets = forgets;
  }

  get isBusy(): boolean {
    return this.underway.length >= AT_ONCE_MAX;
  }

  arrive({ cache, process }: Member): Request {
    const seen = new Seen(process.clock, BOUND_MS);
    const brought = this.#forgets ? [] : this.#jar.filter(({ untilMs }) => this.#world.nowMs < untilMs);
    for (const { versions } of brought) seen.know(versions);
    return { process, brought, scope: cache.scope(this.id, seen), seen };
  }

  leave({ process, brought, seen }: Request): void {
    this.gone(process, 1);
    if (seen.hasNews)
      this.#jar = [
        ...this.#jar.filter((cookie) => !brought.includes(cookie)),
        { versions: seen.versions, untilMs: this.#world.nowMs + 2 * BOUND_MS },
      ];
  }

  /** Requests at this process get no answer any more. */
  gone(process: SimulatedProcess, most = AT_ONCE_MAX): void {
    for (let count = 0; count < most && this.underway.includes(process); count++)
      this.underway.splice(this.underway.indexOf(process), 1);
  }

  saw(entry: object, state: number): void {
    this.floors.set(entry, Math.max(state, this.floors.get(entry) ?? 0));
  }
}
