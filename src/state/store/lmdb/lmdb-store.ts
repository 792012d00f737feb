import { systemClock, type Clock } from '../../../base/clock.js';
import { HOUR_MS } from '../../../base/duration.js';
import { StickyError } from '../../../base/errors.js';
import { checkNames, readDuration, readFunction, type Duration } from '../../../base/options.js';
import { systemRandom, type Random } from '../../../base/random.js';
import { freesRoom, type Change, type Changed } from '../change.js';
import { living, runChange } from '../change-run.js';
import { checkChange, checkKey, checkMax, checkPartition } from '../check.js';
import type { OnFault } from '../fault.js';
import type { Feed } from '../feed.js';
import type { FeedReply } from '../feed-follower.js';
import type { Linked, StoredRecord } from '../record.js';
import { SharedFeed, type FeedSource } from '../shared-feed.js';
import type { Store } from '../store.js';
import { lmdbFailure, LmdbFile } from './file.js';
import { sweepExpired } from './sweep.js';
import { notedText, readLogNote } from './texts.js';

export interface LmdbStoreOptions {
  /** A folder on a disk of this machine, not of the network. Made where it is missing. */
  readonly path: string;
  /**
   * How many records it holds at most, 10 000 000 unless set; counted once a second. Beyond it changes that
   * put are refused with `STICKY_STORE_FULL`.
   */
  readonly max?: number | undefined;
  /** How often followers of the feed look for notes of other processes, such as `25ms` (unless set). */
  readonly feedEvery?: Duration | undefined;
  /**
   * How long a change and `close` may wait for other processes and for the disk, such as `10s` (unless set).
   * After it they reject with `STICKY_STORE_DOWN`.
   */
  readonly timeout?: Duration | undefined;
  readonly onFault?: OnFault | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

const NAMES = { path: 1, max: 1, feedEvery: 1, timeout: 1, onFault: 1, clock: 1, random: 1 } satisfies Record<
  keyof LmdbStoreOptions,
  1
>;
const MAX_DEFAULT = 10_000_000;
/** Notes kept for those who look late; trimmed a hundred at a time. */
const LOG_MAX = 1_000;
const LOG_TRIMMED = 100;
const READERS_CHECKED_EVERY_MS = 60_000;

/** Keeps everything in a file, for the processes of one machine. It is there again when they start anew. */
export function lmdbStore(options: LmdbStoreOptions): Store {
  checkNames(options, NAMES, 'lmdbStore', 'STICKY_STORE_MISUSED');
  return new LmdbStore(options);
}

class LmdbStore implements Store {
  readonly name = 'lmdb';
  readonly partitions = 1;
  readonly feed: Feed;
  readonly #file: LmdbFile;
  readonly #clock: Clock;
  readonly #max: number;
  readonly #sharedFeed: SharedFeed;
  readonly #timers: { stop(): void }[];
  #isFull = false;
  /** Looks at once for what followers have not been told of. */
  #lookNow: (() => void) | undefined;

  constructor({
    path,
    max = MAX_DEFAULT,
    feedEvery = '25ms',
    timeout = '10s',
    onFault,
    clock = systemClock,
    random = systemRandom,
  }: LmdbStoreOptions) {
    if (typeof path !== 'string' || path === '')
      throw new StickyError(
        'STICKY_STORE_MISUSED',
        'The lmdb store needs a `path`: a folder on a disk of this machine, such as data/state.',
      );
    checkMax(max);
    readFunction('onFault', onFault, 'STICKY_STORE_MISUSED');
    const everyMs = readDuration('feedEvery', feedEvery, 1, HOUR_MS, 'STICKY_STORE_MISUSED');
    const limitMs = readDuration('timeout', timeout, 10, HOUR_MS, 'STICKY_STORE_MISUSED');
    this.#file = new LmdbFile(path, random, onFault, limitMs);
    this.#clock = clock;
    this.#max = max;
    this.#sharedFeed = new SharedFeed(this.#source(everyMs), onFault);
    this.feed = this.#sharedFeed;
    this.#count();
    // A process that was killed while it read keeps old pages from being used again until somebody looks.
    this.#file.root.readerCheck();
    this.#timers = [
      sweepExpired(this.#file, clock, () => this.#count()),
      clock.every(READERS_CHECKED_EVERY_MS, () => void this.#file.root.readerCheck()),
    ];
  }

  async read(partition: number, key: string): Promise<StoredRecord | undefined> {
    return this.readNow(partition, key);
  }

  readNow(partition: number, key: string): StoredRecord | undefined {
    checkPartition(partition, this.partitions);
    checkKey(key);
    return this.#look(() => {
      const nowMs = this.#clock.now();
      const record = living(this.#file.shelf.get(key), nowMs);
      if (record === undefined) return undefined;
      const { fields, version, expiresAtMs, endsAtMs } = record;
      return { fields, version, expiresInMs: expiresAtMs - nowMs, endsInMs: endsAtMs - nowMs };
    });
  }

  async change(partition: number, change: Change): Promise<Changed> {
    checkPartition(partition, this.partitions);
    checkChange(change);
    if (this.#isFull && change.steps.some((step) => step.kind === 'put') && !freesRoom(change)) {
      throw new StickyError(
        'STICKY_STORE_FULL',
        `The lmdb store holds ${this.#max} records, which is its most: raise \`max\`, or let records live for less long.`,
      );
    }
    const changed = await this.#file.change(() => this.#changeNow(change));
    if (changed.done && (change.notes?.length ?? 0) > 0) this.#lookNow?.();
    return changed;
  }

  async list(partition: number, index: string): Promise<readonly Linked[]> {
    checkPartition(partition, this.partitions);
    checkKey(index);
    return this.#look(() => {
      const nowMs = this.#clock.now();
      return [...this.#file.shelf.linked(index)]
        .filter(([, expiresAtMs]) => expiresAtMs > nowMs)
        .map(([member, expiresAtMs]) => ({ member, expiresInMs: expiresAtMs - nowMs }));
    });
  }

  async sequence(partition: number): Promise<number> {
    checkPartition(partition, this.partitions);
    return this.#look(() => this.#file.header().sequence);
  }

  async close(): Promise<void> {
    this.#sharedFeed.stop();
    for (const timer of this.#timers) timer.stop();
    await this.#file.close();
  }

  /** Within a transaction, so no other process writes. */
  #changeNow(change: Change): Changed {
    const file = this.#file;
    const header = file.header();
    const nowMs = this.#clock.now();
    // One more than the last, and not less than the microseconds since the epoch: so a number is not used
    // twice even where the file is replaced by an older copy of it.
    const sequence = Math.max(header.sequence + 1, Math.floor(nowMs * 1000));
    const changed = runChange(file.shelf, change, sequence, nowMs);
    if (!changed.done) return changed;
    const notes = change.notes ?? [];
    if (notes.length === 0) {
      file.putHeader({ ...header, sequence });
      return changed;
    }
    let logged = header.logged + 1;
    void file.log.put(sequence, notedText(header.lastNoted, notes));
    if (logged >= LOG_MAX + LOG_TRIMMED) {
      for (const old of [...file.log.getKeys({ limit: LOG_TRIMMED })]) void file.log.remove(old);
      logged -= LOG_TRIMMED;
    }
    file.putHeader({ ...header, sequence, lastNoted: sequence, logged });
    return changed;
  }

  #look<T>(read: () => T): T {
    try {
      this.#file.refresh();
      return read();
    } catch (error) {
      throw lmdbFailure(error, "can't read");
    }
  }

  #count(): void {
    this.#isFull = (this.#file.records.getStats() as { entryCount: number }).entryCount >= this.#max;
  }

  /**
   * Looking costs microseconds, so followers look often, and nothing needs to be pushed from process to
   * process.
   */
  #source(everyMs: number): FeedSource {
    return {
      start: (follower) => {
        const look = (): void => {
          const question = follower.question(0, this.#clock.monotonic());
          try {
            follower.answered(
              question,
              this.#look(() => this.#answer(question.after)),
            );
          } catch {
            // A follower that gets no answers sees how old its last one is.
          }
        };
        const timer = this.#clock.every(everyMs, look);
        this.#lookNow = look;
        look();
        return {
          stop: () => {
            timer.stop();
            this.#lookNow = undefined;
          },
        };
      },
    };
  }

  #answer(after: number | undefined): FeedReply {
    const { run, sequence, lastNoted } = this.#file.header();
    const answer = { run, life: '', sequence, lastNoted, noted: [] };
    if (after === undefined || after === lastNoted) return answer;
    // One that can't be read leaves a gap, which the follower sees.
    return {
      ...answer,
      noted: [...this.#file.log.getRange({ start: after + 1 })].flatMap(
        ({ key, value }) => readLogNote(key, value) ?? [],
      ),
    };
  }
}
