import { StickyError } from '../../base/errors.js';
import type { FoundEntry } from './found-entry.js';
import { CacheEngine } from './cache-engine.js';
import { readCacheOptions, type CacheOptions, type LoadOptions, type SetOptions } from './cache-options.js';
import { CacheScope } from './cache-scope.js';
import { checkText } from './entry-key.js';
import { requiredLoad, type Loader } from './limited-load.js';
import { Seen } from './seen.js';
import { VersionCarrier } from './version-carrier.js';

/**
 * A cache of two tiers over a store of `stickyroute/store/…`. Processes whose stores share their data share
 * its entries.
 */
export function createCache(options: CacheOptions): Cache {
  return new Cache(options);
}

/** Values that it gives are frozen: all who ask share them. */
export class Cache {
  readonly #engine: CacheEngine;
  readonly #carrier: VersionCarrier;

  constructor(options: CacheOptions) {
    const settings = readCacheOptions(options);
    this.#carrier = new VersionCarrier(settings);
    this.#engine = new CacheEngine(settings);
  }

  /**
   * What carries to a user's next request how much this one saw; the doors of the frameworks do it by
   * themselves. Needs `keys`.
   */
  get version(): VersionCarrier {
    return this.#carrier;
  }

  /** The value in tier 1, if it is there. */
  peek<Value>(key: string): Value | undefined {
    return this.#engine.local(key)?.value.value as Value | undefined;
  }

  /** The value in either tier; `undefined` where there is none. */
  get<Value>(key: string): Promise<Value | undefined> {
    const kept = this.#engine.local(key);
    return (kept === undefined ? this.#find(key, undefined, undefined) : kept.value.promise) as Promise<
      Value | undefined
    >;
  }

  /** The value in either tier, or what `load` returns, which is kept for the next. */
  getOrLoad<Value>(key: string, load: Loader<Value>, options?: LoadOptions): Promise<Value> {
    const kept = this.#engine.local(key);
    return (kept === undefined ? this.#load(key, load, options) : kept.value.promise) as Promise<Value>;
  }

  /** As `get`, or with a load `getOrLoad`, and which level answered. */
  lookup<Value>(key: string, load?: Loader<Value>, options?: LoadOptions): Promise<FoundEntry<Value>> {
    const kept = this.#engine.local(key);
    return (kept === undefined ? this.#lookup(key, load, options) : kept.value.found) as Promise<
      FoundEntry<Value>
    >;
  }

  /**
   * Settles when it is stored, and from then on no process serves anything older later than the bound.
   * `undefined`: there is nothing.
   */
  async set(key: string, value: unknown, options?: SetOptions): Promise<void> {
    await this.#engine.set(this.#engine.keys.entry(key), value, options, undefined);
  }

  async delete(key: string): Promise<void> {
    await this.#engine.remove(this.#engine.keys.entry(key), undefined);
  }

  /** Deletes every entry that has the tag. */
  async deleteTag(tag: string): Promise<void> {
    await this.#engine.removeTag(tag, undefined);
  }

  /**
   * The entries of one user. `seen` is what `version.read` made of the request; without it the scope
   * remembers for itself.
   */
  scope(userId: string, seen?: Seen): CacheScope {
    checkText('A user id', userId);
    if (seen !== undefined && !(seen instanceof Seen))
      throw new StickyError(
        'STICKY_CACHE_INVALID',
        '`seen` must be what `cache.version.read` made of the request, or left out.',
      );
    const { clock, boundMs } = this.#engine.settings;
    return new CacheScope(this.#engine, userId, seen ?? new Seen(clock, boundMs));
  }

  /** Forgets tier 1 and stops following the store. The store itself is its owner's to close. */
  close(): void {
    this.#engine.close();
  }

  async #find(
    key: string,
    load: Loader<unknown> | undefined,
    options: LoadOptions | undefined,
  ): Promise<unknown> {
    const { value } = await this.#engine.find(this.#engine.keys.entry(key), load, options, undefined);
    return value;
  }

  async #load(key: string, load: Loader<unknown>, options: LoadOptions | undefined): Promise<unknown> {
    return this.#find(key, requiredLoad(load), options);
  }

  async #lookup(
    key: string,
    load: Loader<unknown> | undefined,
    options: LoadOptions | undefined,
  ): Promise<FoundEntry<unknown>> {
    return this.#engine.find(this.#engine.keys.entry(key), load, options, undefined);
  }
}
