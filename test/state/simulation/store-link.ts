import { StickyError } from '../../../src/base/errors.js';
import {
  FeedFollower,
  type FeedReply,
  type FeedNote,
  type FeedQuestion,
} from '../../../src/state/store/feed-follower.js';
import type { Feed, FeedListener, FeedPosition } from '../../../src/state/store/feed.js';
import type { Store } from '../../../src/state/store/store.js';
import type { StoreServer } from './store-server.js';
import type { SimulatedProcess, World } from './world.js';

const ASK_EVERY_MS = 400;
const COMMAND_LIMIT_MS = 150;

export interface LinkFaults {
  /** The follower says that it heard of everything just now, whatever it heard. */
  readonly vouchesBlindly?: boolean;
  /** Who follows is not told when notes were missed. */
  readonly hidesGaps?: boolean;
}

/** A process's store: messages to the server and back take their time, may be lost, and come in any order. */
export class StoreLink implements Store {
  readonly name = 'simulated';
  readonly partitions: number;
  readonly feed: Feed;
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #server: StoreServer;
  readonly #followers = new Set<FeedFollower>();
  #cutUntilMs = 0;
  #pushesLostUntilMs = 0;

  constructor(
    world: World,
    process: SimulatedProcess,
    server: StoreServer,
    partitions: number,
    faults: LinkFaults = {},
  ) {
    this.#world = world;
    this.#process = process;
    this.#server = server;
    this.partitions = partitions;
    this.feed = { follow: (listener) => this.#follow(listener, faults) };
  }

  read(partition: number, key: string): ReturnType<Store['read']> {
    return this.#call(() => this.#server.read(partition, key));
  }

  change(partition: number, change: Parameters<Store['change']>[1]): ReturnType<Store['change']> {
    return this.#call(() => this.#server.change(partition, change));
  }

  list(): ReturnType<Store['list']> {
    throw new Error('The cache lists nothing.');
  }

  sequence(partition: number): Promise<number> {
    return this.#call(() => this.#server.sequence(partition));
  }

  async close(): Promise<void> {}

  /** Nothing gets through, in either direction. */
  cut(ms: number): void {
    this.#cutUntilMs = this.#world.nowMs + ms;
  }

  /** Only what the server tells by itself is lost. */
  losePushes(ms: number): void {
    this.#pushesLostUntilMs = this.#world.nowMs + ms;
  }

  pushed(partition: number, run: string, noted: FeedNote): void {
    if (this.#world.nowMs < this.#pushesLostUntilMs) return;
    this.#toProcess(() => {
      for (const follower of this.#followers) follower.push(partition, run, noted);
    }, true);
  }

  /** Asked, done and answered; or the time limit passes, and then it was done or not. */
  #call<Reply>(run: () => Reply): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sentAtMs = this.#world.nowMs;
      const limit = this.#process.in(COMMAND_LIMIT_MS, () =>
        reject(new StickyError('STICKY_STORE_DOWN', 'No answer, as the simulation wants it.')),
      );
      this.#toServer(() => {
        // What comes after its time limit is not run any more: its sender has given up.
        if (this.#world.nowMs - sentAtMs >= COMMAND_LIMIT_MS) return;
        const reply = run();
        this.#toProcess(() => {
          limit.stop();
          resolve(reply);
        });
      });
    });
  }

  #follow(listener: FeedListener, { vouchesBlindly = false, hidesGaps = false }: LinkFaults) {
    const follower = new FeedFollower(hidesGaps ? { noted: listener.noted, missed: () => {} } : listener);
    this.#followers.add(follower);
    const ask = (): void => {
      const questions = Array.from({ length: this.partitions }, (_, partition) =>
        follower.question(partition, this.#process.clock.monotonic()),
      );
      this.#toServer(() => {
        const answers = questions.map((question): [FeedQuestion, FeedReply] => [
          question,
          this.#server.answer(question),
        ]);
        this.#toProcess(() => {
          if (this.#followers.has(follower))
            for (const [question, answer] of answers) follower.answered(question, answer);
        }, true);
      });
    };
    ask();
    const timer = this.#process.clock.every(ASK_EVERY_MS, ask);
    const position = (partition: number): FeedPosition => {
      const told = follower.position(partition);
      return vouchesBlindly ? { ...told, vouchedAtMs: this.#process.clock.monotonic() } : told;
    };
    return {
      position,
      stop: () => {
        timer.stop();
        this.#followers.delete(follower);
      },
    };
  }

  #toServer(task: () => void): void {
    if (this.#isCut()) return;
    this.#world.in(this.#latencyMs(), () => !this.#isCut() && task(), true);
  }

  #toProcess(task: () => void, isQuiet = false): void {
    if (this.#isCut()) return;
    this.#process.in(this.#latencyMs(), () => !this.#isCut() && task(), isQuiet);
  }

  #isCut(): boolean {
    return this.#world.nowMs < this.#cutUntilMs;
  }

  #latencyMs(): number {
    return this.#world.chance(90) ? this.#world.between(0, 3) : this.#world.between(0, 90);
  }
}
