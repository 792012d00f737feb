import type { Kept } from '../coherence/tier-one.js';
import type { LocalAnswer, FoundEntry } from './found-entry.js';
import type { CacheEngine } from './cache-engine.js';
import type { LoadOptions, SetOptions } from './cache-options.js';
import type { EntryKey } from './entry-key.js';
import { requiredLoad, type Loader } from './limited-load.js';
import type { Seen } from './seen.js';

/**
 * The entries of one user. Whoever reads through it never reads anything older than it has read or written
 * before, in whichever process that was, as long as its `Seen` comes along.
 */
export class CacheScope {
  readonly #engine: CacheEngine;
  readonly #user: string;
  readonly #seen: Seen;

  constructor(engine: CacheEngine, user: string, seen: Seen) {
    this.#engine = engine;
    this.#user = user;
    this.#seen = seen;
  }

  /** The value in tier 1, if it is there and good enough for this user. */
  peek<Value>(key: string): Value | undefined {
    return this.#local(this.#key(key))?.value.value as Value | undefined;
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    const { value } = await this.lookup<Value>(key);
    return value;
  }

  async getOrLoad<Value>(key: string, load: Loader<Value>, options?: LoadOptions): Promise<Value> {
    const { value } = await this.lookup<Value>(key, requiredLoad(load), options);
    return value as Value;
  }

  /** As `get`, or with a load `getOrLoad`, and which level answered. */
  async lookup<Value>(key: string, load?: Loader<Value>, options?: LoadOptions): Promise<FoundEntry<Value>> {
    const entry = this.#key(key);
    const kept = this.#local(entry);
    return (await (kept === undefined
      ? this.#engine.find(entry, load, options, this.#seen)
      : kept.value.found)) as FoundEntry<Value>;
  }

  set(key: string, value: unknown, options?: SetOptions): Promise<void> {
    return this.#engine.set(this.#key(key), value, options, this.#seen);
  }

  delete(key: string): Promise<void> {
    return this.#engine.remove(this.#key(key), this.#seen);
  }

  /** Deletes what has a tag, in this scope and everywhere else. */
  deleteTag(tag: string): Promise<void> {
    return this.#engine.removeTag(tag, this.#seen);
  }

  /** Deletes everything of this user. */
  clear(): Promise<void> {
    return this.#engine.removeScope(this.#user, this.#seen);
  }

  #key(key: string): EntryKey {
    return this.#engine.keys.scoped(this.#user, key);
  }

  #local({ name, partition }: EntryKey): Kept<LocalAnswer> | undefined {
    const kept = this.#engine.tierOne.get(name);
    if (
      kept === undefined ||
      !this.#seen.allows(partition, kept.version, this.#engine.tierOne.position(partition))
    )
      return undefined;
    this.#engine.raiseBy(kept, this.#seen);
    return kept;
  }
}
