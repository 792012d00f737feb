import assert from 'node:assert/strict';
import type { Changed } from '../../state/store/change.js';
import type { Store } from '../../state/store/store.js';

/** A store to be tried, with nothing in it. */
export interface StoreSubject {
  readonly store: Store;
  /** The same store opened once more, as another process would. Absent where only one process can have it. */
  readonly other?: Store | undefined;
  /** Lets this much time pass by the store's clock: at once on a manual clock, else when it has passed. */
  advance(ms: number): void | Promise<void>;
  /** Ends both. */
  close(): Promise<void>;
}

export type OpenStore = () => StoreSubject | Promise<StoreSubject>;

/** What a case is about, with a fresh store. */
export interface StoreCase {
  readonly name: string;
  /** Only for stores that have `readNow`. */
  readonly needsReadNow?: boolean;
  run(subject: StoreSubject): Promise<void>;
}

/** For what is to expire while the case looks on. */
export const SHORT_MS = 40;

/** The version of a change that must have been done. */
export function done(changed: Changed): { readonly version: number; readonly removed: number } {
  assert.ok(changed.done, 'the change was refused');
  return changed;
}

export async function fieldsOf(
  store: Store,
  key: string,
  partition = 0,
): Promise<Record<string, string> | undefined> {
  const record = await store.read(partition, key);
  return record === undefined ? undefined : { ...record.fields };
}

export async function members(store: Store, index: string): Promise<string[]> {
  return (await store.list(0, index)).map(({ member }) => member).sort();
}

const ROUNDS_MAX = 500;

/** Lets time pass until it holds. */
export async function eventually(
  { advance }: StoreSubject,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (await holds()) return;
    await advance(20);
    // What comes from other threads and machines comes between turns.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.fail(`waited in vain: ${what}`);
}
