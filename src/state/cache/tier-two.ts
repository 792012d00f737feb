import { StickyError } from '../../base/errors.js';
import type { Changed, Requirement, Step } from '../store/change.js';
import type { CacheSettings } from './cache-options.js';
import { tagName, type EntryKey, type EntryKeys } from './entry-key.js';
import {
  entryFields,
  isUntouched,
  LEASE_FIELDS,
  markFields,
  readEntry,
  type Content,
  type Mark,
  type StoredEntry,
} from './stored-entry.js';

/**
 * A store that just failed is not asked again for so long by those who have a load to go to: each would wait
 * for its time limit.
 */
const PAUSE_MS = 250;
/** What a mark outlives the load by. */
const MARK_MARGIN_MS = 5_000;

const NONCE_CHARACTERS = 16;

export interface Filling {
  readonly content: Content;
  readonly lifeMs: number;
  readonly graceMs: number;
  readonly tags: readonly string[];
}

/** The cache's records in the store. */
export class TierTwo {
  readonly #settings: CacheSettings;
  readonly #keys: EntryKeys;
  #pausedUntilMs: number | undefined;
  #failure: unknown;

  constructor(settings: CacheSettings, keys: EntryKeys) {
    this.#settings = settings;
    this.#keys = keys;
  }

  async read({ partition, storeKey }: EntryKey): Promise<StoredEntry | undefined> {
    this.#checkPause();
    try {
      const record = await this.#settings.store.read(partition, storeKey);
      return record === undefined ? undefined : readEntry(record);
    } catch (error) {
      throw this.#paused(error);
    }
  }

  /**
   * Writes down, before an entry is loaded, that it will be; by the mark's nonce its fill will tell whether
   * anything happened since. `found` is what was read a moment ago; its content stays, to stand in for the
   * load.
   */
  mark(key: EntryKey, found: StoredEntry | undefined, mark: Mark, hardMs: number): Promise<Changed> {
    const { partition, storeKey } = key;
    const ttlMs = hardMs + MARK_MARGIN_MS;
    const requirement: Requirement =
      found === undefined
        ? { kind: 'absent', key: storeKey }
        : { kind: 'version', key: storeKey, version: found.version };
    const fields = markFields(mark);
    const step: Step =
      found?.content === undefined
        ? { kind: 'put', key: storeKey, fields, ttlMs }
        : { kind: 'merge', key: storeKey, set: fields };
    return this.#ask(() =>
      this.#settings.store.change(partition, {
        requires: [requirement],
        steps: [step, ...this.#links(key, mark.tags, ttlMs)],
      }),
    );
  }

  /**
   * Stores what was loaded, unless anything happened to the entry since it had this nonce: then nothing is
   * done.
   */
  fill(key: EntryKey, nonce: string, filling: Filling): Promise<Changed> {
    return this.#ask(() =>
      this.#settings.store.change(key.partition, {
        requires: [isUntouched(key.storeKey, nonce)],
        steps: this.#put(key, filling),
        notes: [key.storeKey],
      }),
    );
  }

  /** A load whose turn it was failed: the next may try. */
  release({ partition, storeKey }: EntryKey, nonce: string, hasContent: boolean): Promise<Changed> {
    const step: Step = hasContent
      ? { kind: 'merge', key: storeKey, unset: LEASE_FIELDS }
      : { kind: 'remove', key: storeKey };
    return this.#ask(() =>
      this.#settings.store.change(partition, {
        requires: [isUntouched(storeKey, nonce)],
        steps: [step],
        notes: [storeKey],
      }),
    );
  }

  set(key: EntryKey, filling: Filling): Promise<Changed> {
    return this.#settings.store.change(key.partition, {
      steps: this.#put(key, filling),
      notes: [key.storeKey],
    });
  }

  remove({ partition, storeKey }: EntryKey): Promise<Changed> {
    return this.#settings.store.change(partition, {
      steps: [{ kind: 'remove', key: storeKey }],
      notes: [storeKey],
    });
  }

  /**
   * Removes what the index of a tag, or of a scope, names in a partition: entries, and the marks of loads
   * under way.
   */
  removeLinked(partition: number, name: string): Promise<Changed> {
    const index = this.#keys.storeKey(name);
    return this.#settings.store.change(partition, {
      steps: [{ kind: 'removeLinked', index }],
      notes: [index],
    });
  }

  nonce(): string {
    return this.#settings.random.id().slice(0, NONCE_CHARACTERS);
  }

  #put(key: EntryKey, { content, lifeMs, graceMs, tags }: Filling): readonly Step[] {
    const ttlMs = lifeMs + graceMs;
    return [
      { kind: 'put', key: key.storeKey, fields: entryFields(content, graceMs, tags), ttlMs },
      ...this.#links(key, tags, ttlMs),
    ];
  }

  #links({ storeKey, scope }: EntryKey, tags: readonly string[], ttlMs: number): readonly Step[] {
    const names = tags.map(tagName);
    if (scope !== undefined) names.push(scope);
    return names.map((name) => ({ kind: 'link', index: this.#keys.storeKey(name), member: storeKey, ttlMs }));
  }

  async #ask<Reply>(send: () => Promise<Reply>): Promise<Reply> {
    this.#checkPause();
    try {
      return await send();
    } catch (error) {
      throw this.#paused(error);
    }
  }

  #checkPause(): void {
    if (this.#pausedUntilMs !== undefined && this.#settings.clock.monotonic() < this.#pausedUntilMs)
      throw this.#failure;
  }

  #paused(error: unknown): unknown {
    if (error instanceof StickyError && error.code === 'STICKY_STORE_DOWN') {
      this.#pausedUntilMs = this.#settings.clock.monotonic() + PAUSE_MS;
      this.#failure = error;
    }
    return error;
  }
}
