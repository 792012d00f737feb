import type { Change, Changed } from './change.js';
import type { Feed } from './feed.js';
import type { Linked, StoredRecord } from './record.js';

/**
 * What the state wing keeps things in. Records live in partitions: what is in one changes together,
 * atomically and durably, and in one order. Every method rejects with `STICKY_STORE_DOWN` when the store
 * can't be reached, and then nothing or everything was done.
 */
export interface Store {
  readonly name: string;
  /** From 1 to 64, and the same in every process that shares the store. Partitions count from 0. */
  readonly partitions: number;
  /** The record, unless it is absent or has expired. */
  read(partition: number, key: string): Promise<StoredRecord | undefined>;
  /** The same at once, in stores that need not wait. Throws what `read` rejects with. */
  readNow?(partition: number, key: string): StoredRecord | undefined;
  /** All of the steps, or, where a requirement does not hold, none. */
  change(partition: number, change: Change): Promise<Changed>;
  /** What is linked to an index and has not expired, in no particular order. */
  list(partition: number, index: string): Promise<readonly Linked[]>;
  /** The number of the newest change of a partition. A later change has a higher one. */
  sequence(partition: number): Promise<number>;
  /** The notes of other processes' changes, and of this one's. */
  readonly feed: Feed;
  /** Ends what the store opened. Not a client that it was given. */
  close(): Promise<void>;
}
