import type { Clock } from '../../src/base/clock.js';
import { StickyError } from '../../src/base/errors.js';
import type { Change } from '../../src/state/store/change.js';
import { FeedFollower, type FeedNote } from '../../src/state/store/feed-follower.js';
import type { FeedListener } from '../../src/state/store/feed.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import type { Store } from '../../src/state/store/store.js';
import { storeWith } from './store-with.js';

/** How one process is linked to the store that it shares with others. */
export interface Link {
  readonly store: Store;
  /** False: what is pushed at once is lost, and found only when it asks. */
  hearsPushes: boolean;
  /** False: it hears and reaches nothing. */
  isUp: boolean;
}

const ASK_EVERY_MS = 250;

interface Partition {
  store: Store;
  run: string;
  sequence: number;
  /** What is kept for those who ask. */
  noted: FeedNote[];
  lastNoted: number;
}

/**
 * One store as several processes see it, each over a link of its own that loses what a test wants it to lose.
 * It stands on as many memory stores as there are partitions, and on the follower that real stores have.
 */
export class FleetStore {
  readonly #clock: Clock;
  readonly #partitions: Partition[];
  readonly #links: { readonly link: Link; readonly followers: Set<FeedFollower> }[] = [];

  constructor(clock: Clock, partitions: number) {
    this.#clock = clock;
    this.#partitions = Array.from({ length: partitions }, (_, at) => ({
      store: memoryStore({ clock }),
      run: `run ${at}`,
      sequence: 0,
      noted: [],
      lastNoted: 0,
    }));
  }

  join(): Link {
    const followers = new Set<FeedFollower>();
    const reach = (partition: number): Store => {
      if (!link.isUp) throw new StickyError('STICKY_STORE_DOWN', 'The link is down.');
      return this.#partitions[partition]!.store;
    };
    const store = storeWith(this.#partitions[0]!.store, {
      partitions: this.#partitions.length,
      read: async (partition, key) => await reach(partition).read(0, key),
      list: async (partition, index) => await reach(partition).list(0, index),
      sequence: async (partition) => await reach(partition).sequence(0),
      change: async (partition, change) => {
        reach(partition);
        return await this.#change(partition, change);
      },
      feed: { follow: (listener) => this.#follow(listener, link, followers) },
    });
    const link: Link = { store, hearsPushes: true, isUp: true };
    this.#links.push({ link, followers });
    return link;
  }

  /** What was noted so far is kept no longer: who has not asked for it has missed it. */
  forget(): void {
    for (const partition of this.#partitions) partition.noted = [];
  }

  /** As a store that keeps nothing on disk does when it is restarted. Numbers begin anew. */
  loseEverything(): void {
    for (const partition of this.#partitions)
      Object.assign(partition, {
        store: memoryStore({ clock: this.#clock }),
        run: `${partition.run} again`,
        sequence: 0,
        noted: [],
        lastNoted: 0,
      });
  }

  async #change(at: number, change: Change) {
    const partition = this.#partitions[at]!;
    const changed = await partition.store.change(0, change);
    if (!changed.done) return changed;
    partition.sequence = changed.version;
    const { notes = [] } = change;
    if (notes.length === 0) return changed;
    const noted = { sequence: changed.version, previous: partition.lastNoted, notes };
    partition.noted.push(noted);
    partition.lastNoted = noted.sequence;
    for (const { link, followers } of this.#links) {
      if (link.isUp && link.hearsPushes)
        for (const follower of followers) follower.push(at, partition.run, noted);
    }
    return changed;
  }

  #follow(listener: FeedListener, link: Link, followers: Set<FeedFollower>) {
    const follower = new FeedFollower(listener);
    const ask = (): void => {
      if (!link.isUp) return;
      for (const [at, partition] of this.#partitions.entries()) {
        const question = follower.question(at, this.#clock.monotonic());
        const { run, sequence, lastNoted } = partition;
        const noted =
          question.after === undefined
            ? []
            : partition.noted.filter((each) => each.sequence > question.after!);
        follower.answered(question, { run, life: '', sequence, lastNoted, noted });
      }
    };
    followers.add(follower);
    ask();
    const asking = this.#clock.every(ASK_EVERY_MS, ask);
    return {
      position: (partition: number) => follower.position(partition),
      stop: () => {
        asking.stop();
        followers.delete(follower);
      },
    };
  }
}
