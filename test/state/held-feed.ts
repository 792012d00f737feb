import type { FeedListener, FeedPosition } from '../../src/state/store/feed.js';
import type { Store } from '../../src/state/store/store.js';

export interface HeldFeedStore extends Store {
  /** Tells what was noted since, and vouches for all of it. */
  hear(): Promise<void>;
}

/**
 * A process's view of a store whose notes reach it only when a test says so; until then the process is sure
 * of nothing new.
 */
export function heldFeed(store: Store, monotonic: () => number): HeldFeedStore {
  const held: [number, number, readonly string[]][] = [];
  const listeners = new Set<FeedListener>();
  let position: FeedPosition = { run: '', sequence: 0, vouchedAtMs: -Infinity };
  const inner = store.feed.follow({ noted: (...note) => void held.push(note), missed: () => {} });
  return {
    name: store.name,
    partitions: store.partitions,
    read: (...args) => store.read(...args),
    change: (...args) => store.change(...args),
    list: (...args) => store.list(...args),
    sequence: (...args) => store.sequence(...args),
    close: () => store.close(),
    feed: {
      follow: (listener) => {
        listeners.add(listener);
        return { position: () => position, stop: () => void listeners.delete(listener) };
      },
    },
    async hear() {
      for (const note of held.splice(0)) for (const listener of listeners) listener.noted(...note);
      position = { run: inner.position(0).run, sequence: await store.sequence(0), vouchedAtMs: monotonic() };
    },
  };
}
