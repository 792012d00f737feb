import { systemClock, type Clock } from '../../../base/clock.js';
import { StickyError } from '../../../base/errors.js';
import { checkNames } from '../../../base/options.js';
import { systemRandom, type Random } from '../../../base/random.js';
import { freesRoom, type Change, type Changed } from '../change.js';
import { living, runChange, type KeptRecord, type Shelf } from '../change-run.js';
import { checkChange, checkKey, checkMax, checkPartition } from '../check.js';
import type { Feed, FeedListener } from '../feed.js';
import type { Linked, StoredRecord } from '../record.js';
import type { Store } from '../store.js';

export interface MemoryStoreOptions {
  /**
   * How many records it holds at most, 1 000 000 unless set. A change that would need more is refused with
   * `STICKY_STORE_FULL`.
   */
  readonly max?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

const NAMES = { max: 1, clock: 1, random: 1 } satisfies Record<keyof MemoryStoreOptions, 1>;
const MAX_DEFAULT = 1_000_000;
const SWEEP_EVERY_MS = 1_000;
/** Of one sweep: enough to keep up, too few to be felt. */
const SWEPT_MAX = 5_000;

/** Keeps everything in this process, for one process: what it holds is gone when the process ends. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkNames(options, NAMES, 'memoryStore', 'STICKY_STORE_MISUSED');
  const { max = MAX_DEFAULT, clock = systemClock, random = systemRandom } = options;
  checkMax(max);
  return new MemoryStore(max, clock, random.id());
}

class MemoryStore implements Store {
  readonly name = 'memory';
  readonly partitions = 1;
  readonly feed: Feed = { follow: (listener) => this.#follow(listener) };
  readonly #max: number;
  readonly #clock: Clock;
  readonly #run: string;
  readonly #records = new Map<string, KeptRecord>();
  readonly #indexes = new Map<string, Map<string, number>>();
  readonly #listeners = new Set<FeedListener>();
  readonly #sweep: { stop(): void };
  #sweeping: Iterator<[string, KeptRecord]> | undefined;
  #sequence = 0;

  constructor(max: number, clock: Clock, run: string) {
    this.#max = max;
    this.#clock = clock;
    this.#run = run;
    this.#sweep = clock.every(SWEEP_EVERY_MS, () => this.#removeExpired());
  }

  async read(partition: number, key: string): Promise<StoredRecord | undefined> {
    return this.readNow(partition, key);
  }

  readNow(partition: number, key: string): StoredRecord | undefined {
    checkPartition(partition, this.partitions);
    checkKey(key);
    const nowMs = this.#clock.now();
    const record = living(this.#records.get(key), nowMs);
    if (record === undefined) return undefined;
    const { fields, version, expiresAtMs, endsAtMs } = record;
    return { fields, version, expiresInMs: expiresAtMs - nowMs, endsInMs: endsAtMs - nowMs };
  }

  async change(partition: number, change: Change): Promise<Changed> {
    checkPartition(partition, this.partitions);
    checkChange(change);
    const puts = change.steps.filter((step) => step.kind === 'put' && !this.#records.has(step.key)).length;
    if (puts > 0 && this.#records.size + puts > this.#max && !freesRoom(change)) {
      throw new StickyError(
        'STICKY_STORE_FULL',
        `The memory store holds ${this.#records.size} records, and ${this.#max} is its most: raise \`max\`, or take the lmdb or redis store.`,
      );
    }
    const changed = runChange(this.#shelf, change, this.#sequence + 1, this.#clock.now());
    if (!changed.done) return changed;
    this.#sequence = changed.version;
    const notes = change.notes ?? [];
    if (notes.length > 0)
      for (const listener of [...this.#listeners]) this.#tell(listener, partition, changed.version, notes);
    return changed;
  }

  /** The change is done, whatever a listener makes of it. */
  #tell(listener: FeedListener, partition: number, version: number, notes: readonly string[]): void {
    try {
      listener.noted(partition, version, notes);
    } catch {
      // as in every store: who follows is not who changes
    }
  }

  async list(partition: number, index: string): Promise<readonly Linked[]> {
    checkPartition(partition, this.partitions);
    checkKey(index);
    const nowMs = this.#clock.now();
    return [...(this.#indexes.get(index) ?? [])]
      .filter(([, expiresAtMs]) => expiresAtMs > nowMs)
      .map(([member, expiresAtMs]) => ({ member, expiresInMs: expiresAtMs - nowMs }));
  }

  async sequence(partition: number): Promise<number> {
    checkPartition(partition, this.partitions);
    return this.#sequence;
  }

  async close(): Promise<void> {
    this.#sweep.stop();
  }

  /** Nothing lies between a change and those who follow it, so all is known up to now. */
  #follow(listener: FeedListener) {
    this.#listeners.add(listener);
    return {
      position: () => ({ run: this.#run, sequence: this.#sequence, vouchedAtMs: this.#clock.monotonic() }),
      stop: () => void this.#listeners.delete(listener),
    };
  }

  readonly #shelf: Shelf = {
    get: (key) => this.#records.get(key),
    put: (key, record) => void this.#records.set(key, record),
    remove: (key) => void this.#records.delete(key),
    linked: (index) => this.#indexes.get(index) ?? new Map<string, number>(),
    link: (index, member, expiresAtMs) => {
      let members = this.#indexes.get(index);
      if (members === undefined) this.#indexes.set(index, (members = new Map()));
      members.set(member, expiresAtMs);
    },
    unlink: (index, member) => {
      const members = this.#indexes.get(index);
      members?.delete(member);
      if (members?.size === 0) this.#indexes.delete(index);
    },
  };

  /** Goes on where the last sweep ended; after the records of a round, the links. */
  #removeExpired(): void {
    const nowMs = this.#clock.now();
    this.#sweeping ??= this.#records.entries();
    for (let looked = 0; looked < SWEPT_MAX; looked++) {
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = undefined;
        this.#removeExpiredLinks(nowMs);
        return;
      }
      if (next.value[1].expiresAtMs <= nowMs) this.#records.delete(next.value[0]);
    }
  }

  #removeExpiredLinks(nowMs: number): void {
    for (const [index, members] of this.#indexes) {
      for (const [member, expiresAtMs] of members) if (expiresAtMs <= nowMs) members.delete(member);
      if (members.size === 0) this.#indexes.delete(index);
    }
  }
}
