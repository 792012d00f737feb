import type { Clock } from '../../base/clock.js';
import { TierOne } from '../coherence/tier-one.js';
import type { Change, Changed } from '../store/change.js';
import type { StoredRecord } from '../store/record.js';
import type { Store } from '../store/store.js';
import { userIndex, type SessionRef } from './session-id.js';
import { readSession, type LoadedSession } from './record-format.js';

export interface LocalSettings {
  readonly max: number;
  readonly bytesMax: number;
  readonly boundMs: number;
}

interface Copy {
  readonly session: LoadedSession;
  readonly readAtMs: number;
  /** What the client that it was read for knew to be stored. */
  readonly write: string;
}

/** Beside its fields; what V8 takes for the rest of a copy. */
const COPY_BYTES = 512;

/**
 * The sessions' records in the store, and, where that was asked for, copies of them in this process. Every
 * change notes the key of the session that it changes, or, where it ends all of a user, their index: so those
 * who have copies hear of it.
 */
export class SessionRecords {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #copies: TierOne<Copy> | undefined;
  readonly #onUnreadable: () => void;

  constructor(store: Store, clock: Clock, local: LocalSettings | undefined, onUnreadable: () => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onUnreadable = onUnreadable;
    if (local === undefined) return;
    const { max, bytesMax, boundMs } = local;
    this.#copies = new TierOne<Copy>({
      feed: store.feed,
      partitions: store.partitions,
      max,
      bytesMax,
      boundMs,
      clock,
      named,
    });
  }

  /**
   * As the store has it: what is about to be changed is always read there. Undefined: absent, or, after a
   * call of `onUnreadable`, not ours.
   */
  read({ partition, key }: SessionRef, write = ''): Promise<LoadedSession | undefined> {
    if (this.#copies === undefined)
      return this.#store.read(partition, key).then((record) => this.#sessionOf(record));
    return this.#readAndKeep(this.#copies, partition, key, write);
  }

  /**
   * For a request that comes: a copy, where there is one that may be used. A promise only where something
   * must be waited for. `write`: the last that its client knows to be stored. A copy that was read for a
   * client who knew another may be older than that, whatever its number: answers come in any order.
   */
  look(ref: SessionRef, write: string): LoadedSession | undefined | Promise<LoadedSession | undefined> {
    const copy = this.#copies === undefined ? undefined : this.#copy(this.#copies, ref, write);
    if (copy !== undefined) return copy;
    if (this.#copies !== undefined || this.#store.readNow === undefined) return this.read(ref, write);
    return this.#sessionOf(this.#store.readNow(ref.partition, ref.key));
  }

  #sessionOf(record: StoredRecord | undefined): LoadedSession | undefined {
    if (record === undefined) return undefined;
    const session = readSession(record);
    if (session === undefined) this.#onUnreadable();
    return session;
  }

  async #readAndKeep(
    copies: TierOne<Copy>,
    partition: number,
    key: string,
    write: string,
  ): Promise<LoadedSession | undefined> {
    const fill = copies.begin(partition, key);
    try {
      const session = this.#sessionOf(await this.#store.read(partition, key));
      if (session !== undefined)
        copies.keep(fill, { session, readAtMs: this.#clock.monotonic(), write }, factsOf(session));
      return session;
    } finally {
      copies.end(fill);
    }
  }

  /** True where other processes may have copies that don't know yet of what is written here. */
  get hasCopies(): boolean {
    return this.#copies !== undefined;
  }

  #copy(copies: TierOne<Copy>, { key }: SessionRef, write: string): LoadedSession | undefined {
    const copy = copies.get(key)?.value;
    if (copy === undefined || copy.write !== write) return undefined;
    const agoMs = this.#clock.monotonic() - copy.readAtMs;
    const { session } = copy;
    return { ...session, expiresInMs: session.expiresInMs - agoMs, endsInMs: session.endsInMs - agoMs };
  }

  /** A change of the session at `ref`. */
  change({ partition, key }: SessionRef, change: Change): Promise<Changed> {
    const copies = this.#copies;
    return copies === undefined
      ? this.#store.change(partition, change)
      : this.#changeWithCopies(copies, partition, key, change);
  }

  async #changeWithCopies(
    copies: TierOne<Copy>,
    partition: number,
    key: string,
    change: Change,
  ): Promise<Changed> {
    const fill = copies.begin(partition, key);
    try {
      const changed = await this.#store.change(partition, { ...change, notes: [key] });
      if (changed.done) copies.acknowledged(fill, changed.version);
      else copies.unsure(fill);
      return changed;
    } catch (error) {
      copies.unsure(fill);
      throw error;
    } finally {
      copies.end(fill);
    }
  }

  /** A change of what an index names. */
  async changeIndex(partition: number, index: string, change: Change): Promise<Changed> {
    const changed = await this.#store.change(
      partition,
      this.#copies === undefined ? change : { ...change, notes: [index] },
    );
    if (changed.done) this.#copies?.tagChanged(partition, changed.version, index);
    return changed;
  }

  close(): void {
    this.#copies?.close();
  }
}

function named(note: string): { kind: 'entry' | 'tag'; name: string } | undefined {
  if (note.startsWith('s:')) return { kind: 'entry', name: note };
  return note.startsWith('u:') ? { kind: 'tag', name: note } : undefined;
}

function factsOf({ content, version, expiresInMs }: LoadedSession): {
  version: number;
  lifeMs: number;
  tags: string[];
  bytes: number;
} {
  let bytes = COPY_BYTES;
  for (const [name, text] of content.fields) bytes += 2 * (name.length + text.length);
  return {
    version,
    lifeMs: expiresInMs,
    tags: content.user === undefined ? [] : [userIndex(content.user)],
    bytes,
  };
}
