import { systemClock } from '../../base/clock.js';
import { FeedFollower } from '../../state/store/feed-follower.js';
import type { FeedListener, FeedSubscription } from '../../state/store/feed.js';
import type { Store } from '../../state/store/store.js';
import type { FeedLog } from './feed-log.js';

const ASK_EVERY_MS = 20;

/** How a process reaches a store that others share. */
export interface Link {
  readonly store: Store;
  readonly log: FeedLog;
  /** Passes a message on, or does not. */
  readonly deliver: (tell: () => void) => void;
  readonly isDeaf: () => boolean;
  /** What answers of the store wait for. */
  readonly answered: () => Promise<void>;
}

/**
 * A store as one of several processes has it: its feed comes by messages, which may be lost, and by asking
 * again and again.
 */
export function linkedStore({ store, log, deliver, isDeaf, answered }: Link): Store {
  const stops = new Set<() => void>();
  return {
    name: 'linked',
    partitions: store.partitions,
    read: async (partition, key) => {
      const record = await store.read(partition, key);
      await answered();
      return record;
    },
    change: (partition, change) => store.change(partition, change),
    list: (partition, index) => store.list(partition, index),
    sequence: (partition) => store.sequence(partition),
    close: async () => {
      for (const stop of stops) stop();
    },
    feed: { follow },
  };

  function follow(listener: FeedListener): FeedSubscription {
    const follower = new FeedFollower(listener);
    const ask = (): void => {
      if (isDeaf()) return;
      const question = follower.question(0, systemClock.monotonic());
      follower.answered(question, log.answer(question));
    };
    const unlisten = log.listen((noted) => deliver(() => follower.push(0, log.run, noted)));
    const timer = systemClock.every(ASK_EVERY_MS, ask);
    const stop = (): void => {
      timer.stop();
      unlisten();
      stops.delete(stop);
    };
    stops.add(stop);
    ask();
    return { position: (partition) => follower.position(partition), stop };
  }
}
