import { report, type OnFault } from './fault.js';
import type { Feed, FeedListener, FeedSubscription } from './feed.js';
import { FeedFollower } from './feed-follower.js';

/** What keeps a follower up to date; begun when the first one follows, stopped when the last one stops. */
export interface FeedSource {
  start(follower: FeedFollower): { stop(): void };
}

/**
 * One follower for all in this process who follow a store. Who joins later knows nothing of before, so what
 * the others have been told of is told of for them too.
 */
export class SharedFeed implements Feed {
  readonly #source: FeedSource;
  readonly #onFault: OnFault | undefined;
  readonly #listeners = new Set<{ readonly listener: FeedListener }>();
  #follower = new FeedFollower({ noted: () => {}, missed: () => {} });
  #running: { stop(): void } | undefined;

  constructor(source: FeedSource, onFault: OnFault | undefined) {
    this.#source = source;
    this.#onFault = onFault;
  }

  follow(listener: FeedListener): FeedSubscription {
    const entry = { listener };
    this.#listeners.add(entry);
    if (this.#running === undefined) {
      this.#follower = new FeedFollower({
        noted: (partition, sequence, notes) =>
          this.#each(partition, (each) => each.noted(partition, sequence, notes)),
        missed: (partition) => this.#each(partition, (each) => each.missed(partition)),
      });
      this.#running = this.#source.start(this.#follower);
    }
    return {
      position: (partition) => this.#follower.position(partition),
      stop: () => {
        this.#listeners.delete(entry);
        if (this.#listeners.size === 0) this.stop();
      },
    };
  }

  stop(): void {
    this.#running?.stop();
    this.#running = undefined;
  }

  #each(partition: number, tell: (listener: FeedListener) => void): void {
    for (const { listener } of [...this.#listeners]) {
      try {
        tell(listener);
      } catch (cause) {
        report(this.#onFault, {
          kind: 'listener',
          partition,
          key: undefined,
          reason: 'A listener of the feed threw.',
          cause,
        });
      }
    }
  }
}
