import type { Answer, Noted, Question } from '../../state/store/feed-follower.js';
import type { Feed, FeedSubscription } from '../../state/store/feed.js';

/**
 * Keeps what a store's feed told, so that who was cut off can ask for what it missed. For one store of one
 * partition.
 */
export class FeedLog {
  readonly #subscription: FeedSubscription;
  readonly #noted: Noted[] = [];
  readonly #listeners = new Set<(noted: Noted) => void>();

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

  listen(listener: (noted: Noted) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  answer({ after }: Question): Answer {
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
