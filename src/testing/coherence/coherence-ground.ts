import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, type Clock } from '../../base/clock.js';
import { memoryStore } from '../../state/store/memory/memory-store.js';
import type { Store } from '../../state/store/store.js';
import { FeedLog } from './feed-log.js';
import { linkedStore } from './linked-store.js';

/** What many caches take as their second tier. */
export interface TextStorage {
  get(key: string): Promise<string | undefined>;
  set(key: string, text: string, ttlMs?: number | undefined): Promise<void>;
  delete(key: string): Promise<void>;
}

/** What many caches tell each other by. Nobody hears what it sent itself. */
export interface MessageBus {
  publish(message: unknown): Promise<void>;
  listen(hear: (message: unknown) => void): void;
}

/**
 * A machine room in which caches of several "processes" share a second tier and a bus, and in which one can
 * go wrong as the suite wants it. It runs in this process and on real time.
 */
export class CoherenceGround {
  readonly #texts = new Map<string, { readonly text: string; readonly untilMs: number }>();
  readonly #members: GroundMember[] = [];
  readonly #store: Store = memoryStore();
  readonly #log = new FeedLog(this.#store.feed);

  join(clockAheadMs = 0): GroundMember {
    const member = new GroundMember(this.#store, this.#log, this.#texts, this.#members, clockAheadMs);
    this.#members.push(member);
    return member;
  }

  async close(): Promise<void> {
    for (const { store } of this.#members) await store.close();
    this.#log.stop();
    await this.#store.close();
  }
}

/** One process's connections. A cache uses `storage` and `bus`, or `store`, which has both in one. */
export class GroundMember {
  readonly clock: Clock;
  readonly storage: TextStorage;
  readonly bus: MessageBus;
  readonly store: Store;
  readonly #clockAheadMs: number;
  #hears: ((message: unknown) => void)[] = [];
  #isDeaf = false;
  #isMute = false;
  #kept: (() => void)[] | undefined;
  #gate: Promise<void> | undefined;

  constructor(
    store: Store,
    log: FeedLog,
    texts: Map<string, { readonly text: string; readonly untilMs: number }>,
    members: readonly GroundMember[],
    clockAheadMs: number,
  ) {
    this.#clockAheadMs = clockAheadMs;
    this.clock = { ...systemClock, now: () => systemClock.now() + clockAheadMs };
    this.storage = {
      get: async (key) => {
        const kept = texts.get(key);
        await this.#gate;
        return kept !== undefined && kept.untilMs > systemClock.monotonic() ? kept.text : undefined;
      },
      set: async (key, text, ttlMs = Infinity) =>
        void texts.set(key, { text, untilMs: systemClock.monotonic() + ttlMs }),
      delete: async (key) => void texts.delete(key),
    };
    this.bus = {
      publish: async (message) => {
        if (this.#isMute) return;
        for (const member of members)
          if (member !== this) member.#deliver(() => member.#hears.forEach((hear) => hear(message)));
      },
      listen: (hear) => void this.#hears.push(hear),
    };
    this.store = linkedStore({
      store,
      log,
      deliver: (tell) => this.#deliver(tell),
      isDeaf: () => this.#isDeaf,
      answered: () => this.#gate ?? Promise.resolve(),
    });
  }

  /** From now on no message reaches this process, of whatever kind. Its second tier answers. */
  deafen(): void {
    this.#isDeaf = true;
  }

  /** From now on nobody hears what it sends: as if it died after each write, before telling anyone. */
  mute(): void {
    this.#isMute = true;
  }

  /** Lets messages through again. Those that were lost stay lost. */
  mend(): void {
    this.#isDeaf = false;
    this.#isMute = false;
  }

  /** Keeps back what comes by message; the function that is returned delivers it, the last first. */
  holdMessages(): () => void {
    this.#kept = [];
    return () => {
      const kept = this.#kept ?? [];
      this.#kept = undefined;
      for (const deliver of kept.reverse()) deliver();
    };
  }

  /** The second tier reads, but its answers wait until the function that is returned lets them go. */
  holdReads(): () => void {
    let release = (): void => {};
    this.#gate = new Promise((resolve) => (release = resolve));
    return () => {
      this.#gate = undefined;
      release();
    };
  }

  /**
   * Runs something as this process would, with its clock: for caches that ask `Date.now` themselves. Nothing
   * else may run meanwhile.
   */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    const { now } = Date;
    Date.now = () => now() + this.#clockAheadMs;
    try {
      return await work();
    } finally {
      Date.now = now;
    }
  }

  #deliver(tell: () => void): void {
    if (this.#isDeaf) return;
    if (this.#kept !== undefined) this.#kept.push(tell);
    else void pause(1).then(tell);
  }
}
