import type { Fill } from '../coherence/fill.js';
import type { TierOne } from '../coherence/tier-one.js';
import { LocalAnswer, type FoundEntry } from './found-entry.js';
import type { CacheEvent } from './cache-event.js';
import type { CacheSettings, EntryTimes } from './cache-options.js';
import { decodeValue, encodeValue, readBack } from './cache-value.js';
import { tagName, type EntryKey } from './entry-key.js';
import { Flights, type Flight } from './flights.js';
import { limitedLoad, type Loader } from './limited-load.js';
import type { Seen } from './seen.js';
import { union, type Content, type StoredEntry } from './stored-entry.js';
import type { TierTwo } from './tier-two.js';
import type { EntryWaits } from './entry-waits.js';

/** What somebody wants who did not find it in tier 1. */
export interface Wanted {
  readonly key: EntryKey;
  readonly times: EntryTimes;
  readonly tags: readonly string[];
  readonly load: Loader<unknown> | undefined;
  readonly seen: Seen | undefined;
}

/**
 * What came of it, and which version of what life of the partition that was; 0 where it came past the store.
 */
interface Outcome {
  readonly found: FoundEntry<unknown>;
  readonly run: string;
  readonly version: number;
  /** It could not be kept, for something happened to the entry since the load began. */
  readonly isOvertaken?: boolean;
}

interface Stale {
  readonly value: unknown;
  readonly bytes: number;
}

/** How a load may begin: from which state of the record its fill will go on. */
interface Beginning {
  readonly version: number;
  readonly nonce: string;
  readonly stale: Stale | undefined;
  readonly tags: readonly string[];
  readonly isLeased: boolean;
}

interface Read {
  readonly entry: StoredEntry | undefined;
  /** Where it is fresh. */
  readonly outcome?: Outcome;
}

const NOTHING: Read = { entry: undefined };
/** Each try that fails means that somebody else's went through. */
const TRIES_MAX = 10;
/**
 * A user who never reads backwards gets only what was kept; another load is made for that, but not without
 * end.
 */
const LOADS_MAX = 3;
/** After a load failed, its stale value is served for so long before the load is tried again. */
const RETRY_MS = 1_000;
/** What an entry takes besides its text, roughly. */
const ENTRY_BYTES = 100;

/** Finds entries that tier 1 has not: in tier 2, or by their load. */
export class Lookups {
  readonly #settings: CacheSettings;
  readonly #tierOne: TierOne<LocalAnswer>;
  readonly #tierTwo: TierTwo;
  readonly #waits: EntryWaits;
  readonly #reads: Flights<Outcome | undefined>;
  readonly #loads: Flights<Outcome>;

  constructor(settings: CacheSettings, tierOne: TierOne<LocalAnswer>, tierTwo: TierTwo, waits: EntryWaits) {
    this.#settings = settings;
    this.#tierOne = tierOne;
    this.#tierTwo = tierTwo;
    this.#waits = waits;
    this.#reads = new Flights(tierOne);
    this.#loads = new Flights(tierOne);
  }

  async find(wanted: Wanted): Promise<FoundEntry<unknown>> {
    const { key, seen } = wanted;
    const outcome =
      wanted.load === undefined
        ? await this.#reads.join(key, seen, (flight) => this.#readOnly(key, flight))
        : await this.#loads.join(key, seen, (flight) => this.#readOrLoad(wanted, wanted.load!, flight));
    if (outcome === undefined) return { value: undefined, level: 'none', isShared: true };
    if (outcome.version > 0) seen?.raise(key.partition, outcome.run, outcome.version);
    return outcome.found;
  }

  /** Every value that is kept lives a little shorter than it was told to, each by another bit. */
  lifeMs(ms: number): number {
    const { jitter, random } = this.#settings;
    return Math.max(1, Math.round(ms * (1 - jitter * (random.below(2 ** 32) / 2 ** 32))));
  }

  /** Keeps an own write, or an own load, that tier 2 has taken. */
  keep(
    key: EntryKey,
    fill: Fill,
    value: unknown,
    facts: { version: number; lifeMs: number; tags: readonly string[]; characters: number },
  ): void {
    const { version, lifeMs, tags, characters } = facts;
    this.#tierOne.keep(fill, new LocalAnswer(value, 'local', version > 0), {
      version,
      lifeMs,
      tags: indexNames(key, tags),
      bytes: characters + ENTRY_BYTES,
    });
  }

  async #readOnly(key: EntryKey, flight: Flight): Promise<Outcome | undefined> {
    try {
      const { entry, outcome } = await this.#read(key, flight.fill);
      flight.version = entry?.version ?? 0;
      flight.tags = indexNames(key, entry?.tags ?? []);
      return outcome;
    } catch (error) {
      this.#tell({ type: 'storeDown', during: 'read', error });
      throw error;
    }
  }

  async #readOrLoad(wanted: Wanted, load: Loader<unknown>, flight: Flight, loads = 1): Promise<Outcome> {
    flight.tags = indexNames(wanted.key, wanted.tags);
    let beginning: Beginning | Outcome | undefined;
    try {
      beginning = await this.#begin(wanted, flight);
    } catch (error) {
      this.#tell({ type: 'storeDown', during: 'read', error });
      if (this.#settings.onStoreDown === 'fail') throw error;
      return this.#loadAlone(wanted, load);
    }
    if (beginning !== undefined && 'found' in beginning) return beginning;
    const loading = this.#loadAndFill(wanted, load, beginning);
    const stale = beginning?.stale;
    const outcome = await (beginning === undefined || stale === undefined
      ? loading
      : this.#orStale(wanted, flight, beginning, stale, loading));
    return outcome.isOvertaken === true && wanted.key.scope !== undefined && loads < LOADS_MAX
      ? this.#readOrLoad(wanted, load, flight, loads + 1)
      : outcome;
  }

  /**
   * Reads tier 2; where that has nothing fresh, makes sure that there is a record to tell whether anything
   * happens during the load.
   */
  async #begin({ key, times, tags }: Wanted, flight: Flight): Promise<Beginning | Outcome | undefined> {
    const { clock } = this.#settings;
    const isLeased = times.leaseMs > 0;
    const sinceMs = clock.monotonic();
    let isFirst = flight.version === 0;
    for (let tries = 0; tries < TRIES_MAX;) {
      const { entry, outcome } = await (isFirst ? this.#read(key, flight.fill) : this.#readAgain(key));
      isFirst = false;
      if (outcome !== undefined) return outcome;
      const stale = entry === undefined ? undefined : this.#stale(entry);
      if (isLeased && entry?.isLeased === true) {
        const isImpatient = stale !== undefined && times.softMs > 0;
        const leftMs =
          sinceMs + (isImpatient ? Math.min(times.softMs, times.leaseMs) : times.leaseMs) - clock.monotonic();
        if (leftMs > 0) {
          await this.#waits.changed(key.name, leftMs);
          continue;
        }
        if (isImpatient)
          return {
            found: { value: stale.value, level: 'stale', isShared: true },
            run: flight.fill.run,
            version: entry.version,
          };
      }
      tries++;
      if (entry?.nonce !== undefined && !isLeased && canStandIn(entry, tags, times.hardMs)) {
        return this.#begun(key, flight, {
          version: entry.version,
          nonce: entry.nonce,
          stale,
          tags: entry.tags,
          isLeased,
        });
      }
      const all = union(stale === undefined ? [] : entry!.tags, tags);
      const nonce = this.#tierTwo.nonce();
      const marked = await this.#tierTwo.mark(key, entry, { tags: all, isLeased, nonce }, times.hardMs);
      if (marked.done)
        return this.#begun(key, flight, { version: marked.version, nonce, stale, tags: all, isLeased });
    }
    return undefined;
  }

  #begun(key: EntryKey, flight: Flight, beginning: Beginning): Beginning {
    flight.version = beginning.version;
    flight.tags = indexNames(key, beginning.tags);
    return beginning;
  }

  async #readAgain(key: EntryKey): Promise<Read> {
    const fill = this.#tierOne.begin(key.partition, key.name);
    try {
      return await this.#read(key, fill);
    } finally {
      this.#tierOne.end(fill);
    }
  }

  async #read(key: EntryKey, fill: Fill): Promise<Read> {
    const entry = await this.#tierTwo.read(key);
    if (entry === undefined) return NOTHING;
    if (!entry.isReadable) this.#tell({ type: 'unreadable' });
    if (entry.content === undefined || entry.freshMs <= 0) return { entry };
    const read = this.#decode(entry.content);
    if (read === undefined) return { entry: { ...entry, content: undefined } };
    this.keep(key, fill, read.value, {
      version: entry.version,
      lifeMs: entry.freshMs,
      tags: entry.tags,
      characters: read.bytes,
    });
    return {
      entry,
      outcome: {
        found: { value: read.value, level: 'store', isShared: true },
        run: fill.run,
        version: entry.version,
      },
    };
  }

  async #loadAndFill(
    { key, times, tags }: Wanted,
    load: Loader<unknown>,
    beginning: Beginning | undefined,
  ): Promise<Outcome> {
    const { clock, codec, valueCharactersMax } = this.#settings;
    let content: Content;
    let value: unknown;
    try {
      const loaded = await limitedLoad(load, times.hardMs, clock);
      content =
        loaded === undefined ? { kind: 'absence' } : { kind: 'value', text: encodeValue(codec, loaded) };
      value = content.kind === 'absence' ? undefined : readBack(codec, content.text);
    } catch (error) {
      if (beginning?.isLeased === true)
        // A mark that could not be removed runs out.
        this.#tierTwo.release(key, beginning.nonce, beginning.stale !== undefined).catch(() => {});
      throw error;
    }
    const characters = content.kind === 'absence' ? 0 : content.text.length;
    const lifeMs = this.lifeMs(content.kind === 'absence' ? times.absenceMs : times.ttlMs);
    const isTooLarge = characters > valueCharactersMax;
    if (isTooLarge) this.#tell({ type: 'notKept', why: 'tooLarge' });
    if (beginning === undefined || isTooLarge || (content.kind === 'absence' && times.absenceMs === 0))
      return { ...pastTierTwo(value), isOvertaken: beginning === undefined };
    const fill = this.#tierOne.begin(key.partition, key.name);
    try {
      const changed = await this.#tierTwo.fill(key, beginning.nonce, {
        content,
        lifeMs,
        graceMs: content.kind === 'absence' ? 0 : times.graceMs,
        tags,
      });
      if (!changed.done) {
        this.#tell({ type: 'notKept', why: 'overtaken' });
        return { ...pastTierTwo(value), isOvertaken: true };
      }
      const { version } = changed;
      const run = this.#tierOne.acknowledged(fill, version);
      this.keep(key, fill, value, { version, lifeMs, tags, characters });
      return { found: { value, level: 'loaded', isShared: true }, run, version };
    } catch (error) {
      this.#tierOne.unsure(fill);
      this.#tell({ type: 'storeDown', during: 'fill', error });
      return pastTierTwo(value);
    } finally {
      this.#tierOne.end(fill);
    }
  }

  /**
   * Without tier 2. The value serves this process for as long as nothing could have told it of a change
   * anyway: the bound.
   */
  async #loadAlone({ key, times, tags }: Wanted, load: Loader<unknown>): Promise<Outcome> {
    const { clock, codec, boundMs } = this.#settings;
    const fill = this.#tierOne.begin(key.partition, key.name);
    try {
      const loaded = await limitedLoad(load, times.hardMs, clock);
      const text = loaded === undefined ? '' : encodeValue(codec, loaded);
      const value = loaded === undefined ? undefined : readBack(codec, text);
      this.keep(key, fill, value, {
        version: 0,
        lifeMs: Math.min(boundMs, loaded === undefined ? times.absenceMs : times.ttlMs),
        tags,
        characters: text.length,
      });
      return pastTierTwo(value);
    } finally {
      this.#tierOne.end(fill);
    }
  }

  /** The load's outcome, or the stale value where the load fails, or is late. */
  #orStale(
    { key, times }: Wanted,
    flight: Flight,
    { version, tags }: Beginning,
    { value, bytes }: Stale,
    loading: Promise<Outcome>,
  ): Promise<Outcome> {
    const { clock } = this.#settings;
    const { fill } = flight;
    const staleOutcome: Outcome = {
      found: { value, level: 'stale', isShared: true },
      run: fill.run,
      version,
    };
    flight.background = loading.then(
      () => {},
      (error: unknown) => {
        this.#tell({ type: 'stale', error });
        const lifeMs = clock.monotonic() - fill.begunAtMs + RETRY_MS;
        this.#tierOne.keep(fill, new LocalAnswer(value, 'stale', true), {
          version,
          lifeMs,
          tags: indexNames(key, tags),
          bytes: bytes + ENTRY_BYTES,
        });
      },
    );
    return new Promise((resolve) => {
      const timer = times.softMs > 0 ? clock.after(times.softMs, () => resolve(staleOutcome)) : undefined;
      loading.then(resolve, () => resolve(staleOutcome)).finally(() => timer?.stop());
    });
  }

  #stale({ content, expiresInMs }: StoredEntry): Stale | undefined {
    return content?.kind === 'value' && expiresInMs > 0 ? this.#decode(content) : undefined;
  }

  #decode(content: Content): Stale | undefined {
    if (content.kind === 'absence') return { value: undefined, bytes: 0 };
    try {
      return { value: decodeValue(this.#settings.codec, content.text), bytes: content.text.length };
    } catch {
      this.#tell({ type: 'unreadable' });
      return undefined;
    }
  }

  #tell(event: CacheEvent): void {
    this.#settings.onEvent(event);
  }
}

function pastTierTwo(value: unknown): Outcome {
  return { found: { value, level: 'loaded', isShared: false }, run: '', version: 0 };
}

/** What in tier 1 an entry hangs on, besides its own name. */
export function indexNames({ scope }: EntryKey, tags: readonly string[]): readonly string[] {
  const names = tags.map(tagName);
  return scope === undefined ? names : [...names, scope];
}

/** Whether a record that was found is one from whose version a load may go on. */
function canStandIn(
  { isReadable, content, expiresInMs, tags }: StoredEntry,
  wanted: readonly string[],
  hardMs: number,
): boolean {
  return (
    isReadable &&
    (content !== undefined || expiresInMs >= hardMs / 2) &&
    wanted.every((tag) => tags.includes(tag))
  );
}
