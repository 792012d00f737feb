import { StickyError } from '../../base/errors.js';
import { checkNames } from '../../base/options.js';
import type { Fill } from '../coherence/fill.js';
import { TierOne, type Kept } from '../coherence/tier-one.js';
import type { LocalAnswer, FoundEntry } from './found-entry.js';
import { readTimes, type CacheSettings, type LoadOptions, type SetOptions } from './cache-options.js';
import { encodeValue, readBack } from './cache-value.js';
import { APART, checkText, entryName, EntryKeys, scopeName, tagName, type EntryKey } from './entry-key.js';
import type { Loader } from './limited-load.js';
import { Lookups } from './lookups.js';
import type { Seen } from './seen.js';
import { TierTwo } from './tier-two.js';
import { EntryWaits } from './entry-waits.js';
import type { Content } from './stored-entry.js';

const NO_TAGS: readonly string[] = [];
const TAGS_MAX = 64;
const INVALID = 'STICKY_CACHE_INVALID';
const SET_NAMES = { ttl: 1, grace: 1, absence: 1, tags: 1 } satisfies Record<keyof SetOptions, 1>;
const LOAD_NAMES = { ...SET_NAMES, soft: 1, hard: 1, lease: 1 } satisfies Record<keyof LoadOptions, 1>;

/** Both tiers as one, for entries that a cache and its scopes have named. */
export class CacheEngine {
  readonly settings: CacheSettings;
  readonly keys: EntryKeys;
  readonly tierOne: TierOne<LocalAnswer>;
  readonly #tierTwo: TierTwo;
  readonly #lookups: Lookups;

  constructor(settings: CacheSettings) {
    const { store, name, max, bytesMax, boundMs, clock } = settings;
    this.settings = settings;
    this.keys = new EntryKeys(name, store.partitions);
    const waits = new EntryWaits(clock);
    this.tierOne = new TierOne({
      feed: store.feed,
      partitions: store.partitions,
      max,
      bytesMax,
      boundMs,
      clock,
      named: (note) => this.keys.read(note),
      onChanged: (entry) => waits.tell(entry),
    });
    this.#tierTwo = new TierTwo(settings, this.keys);
    this.#lookups = new Lookups(settings, this.tierOne, this.#tierTwo, waits);
  }

  /**
   * The entry of this key in tier 1. The one way that is walked a million times a second: nearly always it
   * ends at the first look.
   */
  local(key: string): Kept<LocalAnswer> | undefined {
    if (typeof key !== 'string') checkText('A key', key);
    const kept = key.charCodeAt(0) === 0 ? undefined : this.tierOne.get(key);
    if (kept !== undefined) return kept;
    const name = entryName(key);
    return name === key ? undefined : this.tierOne.get(name);
  }

  find(
    key: EntryKey,
    load: Loader<unknown> | undefined,
    options: LoadOptions | undefined,
    seen: Seen | undefined,
  ): Promise<FoundEntry<unknown>> {
    if (load !== undefined && typeof load !== 'function')
      throw misused('`load` of the cache must be a function, such as () => readFromDatabase(id).');
    if (options !== undefined) checkNames(options, LOAD_NAMES, 'The options of a load', INVALID);
    return this.#lookups.find({
      key,
      load,
      seen,
      times: readTimes(options, this.settings.times),
      tags: readTags(options?.tags),
    });
  }

  async set(
    key: EntryKey,
    value: unknown,
    options: SetOptions | undefined,
    seen: Seen | undefined,
  ): Promise<void> {
    const { codec, valueCharactersMax } = this.settings;
    if (options !== undefined) checkNames(options, SET_NAMES, 'The options of `set`', INVALID);
    const { ttlMs, graceMs, absenceMs } = readTimes(options, this.settings.times);
    const tags = readTags(options?.tags);
    if (value === undefined && absenceMs === 0) return this.remove(key, seen);
    const content: Content =
      value === undefined ? { kind: 'absence' } : { kind: 'value', text: encodeValue(codec, value) };
    const characters = content.kind === 'value' ? content.text.length : 0;
    if (characters > valueCharactersMax)
      throw new StickyError(
        'STICKY_CACHE_TOO_LARGE',
        `A value has ${characters} characters as text, and ${valueCharactersMax} is the most. Cache less of it, or raise \`valueBytesMax\`.`,
      );
    // Before anything is stored: text that can't be read back must not be anybody's.
    const kept = content.kind === 'value' ? readBack(codec, content.text) : undefined;
    const lifeMs = this.#lookups.lifeMs(content.kind === 'value' ? ttlMs : absenceMs);
    await this.#write(key, seen, async (fill) => {
      const changed = await this.#tierTwo.set(key, {
        content,
        lifeMs,
        graceMs: content.kind === 'value' ? graceMs : 0,
        tags,
      });
      const version = versionOf(changed);
      const run = this.tierOne.acknowledged(fill, version);
      this.#lookups.keep(key, fill, kept, {
        version,
        lifeMs,
        tags,
        characters,
      });
      return { run, version };
    });
  }

  async remove(key: EntryKey, seen: Seen | undefined): Promise<void> {
    await this.#write(key, seen, async (fill) => {
      const version = versionOf(await this.#tierTwo.remove(key));
      return { run: this.tierOne.acknowledged(fill, version), version };
    });
  }

  /** In every partition at once; where one fails, the others are done, and doing it again does no harm. */
  async removeTag(tag: string, seen: Seen | undefined): Promise<void> {
    checkText('A tag', tag);
    const partitions = Array.from({ length: this.settings.store.partitions }, (_, partition) => partition);
    const outcomes = await Promise.allSettled(
      partitions.map((partition) => this.#removeLinked(partition, tagName(tag), seen)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  removeScope(user: string, seen: Seen | undefined): Promise<void> {
    return this.#removeLinked(this.keys.scopePartition(user), scopeName(user), seen);
  }

  /**
   * This user was served a copy of tier 1. What is older than twice the bound is everywhere, or nowhere in
   * use.
   */
  raiseBy({ partition, version, asOfMs }: Kept<LocalAnswer>, seen: Seen): void {
    const { clock, boundMs } = this.settings;
    if (version > 0 && clock.monotonic() - asOfMs <= 2 * boundMs)
      seen.raise(partition, this.tierOne.position(partition).run, version);
  }

  close(): void {
    this.tierOne.close();
  }

  async #removeLinked(partition: number, name: string, seen: Seen | undefined): Promise<void> {
    const fill = this.tierOne.begin(partition, APART + name);
    try {
      const version = versionOf(await this.#tierTwo.removeLinked(partition, name));
      const run = this.tierOne.acknowledged(fill, version);
      this.tierOne.tagChanged(partition, version, name);
      seen?.raise(partition, run, version);
    } catch (error) {
      this.tierOne.tagChanged(partition, Infinity, name);
      throw this.#failed(error);
    } finally {
      this.tierOne.end(fill);
    }
  }

  async #write(
    key: EntryKey,
    seen: Seen | undefined,
    write: (fill: Fill) => Promise<{ readonly run: string; readonly version: number }>,
  ): Promise<void> {
    const fill = this.tierOne.begin(key.partition, key.name);
    try {
      const { run, version } = await write(fill);
      seen?.raise(key.partition, run, version);
    } catch (error) {
      this.tierOne.unsure(fill);
      throw this.#failed(error);
    } finally {
      this.tierOne.end(fill);
    }
  }

  #failed(error: unknown): unknown {
    this.settings.onEvent({ type: 'storeDown', during: 'write', error });
    return error;
  }
}

function versionOf(changed: { readonly done: boolean; readonly version?: number }): number {
  // Nothing was required, so nothing can have been missing.
  return changed.version ?? 0;
}

function readTags(tags: readonly string[] | undefined): readonly string[] {
  if (tags === undefined) return NO_TAGS;
  if (Array.isArray(tags) && tags.length <= TAGS_MAX && tags.every((tag) => typeof tag === 'string'))
    return tags;
  throw misused(`\`tags\` must be a list of at most ${TAGS_MAX} texts.`);
}

function misused(message: string): StickyError {
  return new StickyError(INVALID, message);
}
