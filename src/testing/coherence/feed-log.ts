import type { FeedReply, FeedNote, FeedQuestion } from '../../state/store/feed-follower.js';
import type { Feed, FeedSubscription } from '../../state/store/feed.js';

/**
 * Keeps what a store's feed told, so that who was cut off can ask for what it missed. For one store of one
 * partition.
 */
export class FeedLog {
  readonly #subscription: FeedSubscription;
  readonly #noted: FeedNote[] = [];
  readonly #listeners = new Set<(noted: FeedNote) => void>();

  constructor(feed: Feed) {
    this.#subscription = feed.follow({
      noted: (_partition, sequence, notes) => {
        const noted = { sequence, previous: this.#lastNoted, notes };
        this.#noted.push(noted);
        for (const listener of this.#listeners) listener(noted);
      },
      missed: () => {},
    });
  }

  get run(): string {
    return this.#subscription.position(0).run;
  }

  listen(listener: (noted: FeedNote) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  answer({ after }: FeedQuestion): FeedReply {
    const { run, sequence } = this.#subscription.position(0);
    return {
      run,
      life: run,
      sequence,
      lastNoted: this.#lastNoted,
      noted: after === undefined ? [] : this.#noted.filter((noted) => noted.sequence > after),
    };
  }

  stop(): void {
    this.#subscription.stop();
  }

  get #lastNoted(): number {
    return this.#noted.at(-1)?.sequence ?? 0;
  }
}
