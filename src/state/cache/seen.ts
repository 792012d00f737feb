import type { Clock } from '../../base/clock.js';

/** The newest change of a partition that somebody has seen the outcome of. `run` names the life of the partition; empty: unknown. */
export interface SeenVersion {
  readonly partition: number;
  readonly run: string;
  readonly version: number;
}

/** How far a copy is known to reach. */
export interface Reach {
  readonly run: string;
  readonly sequence: number;
}

interface Held extends SeenVersion {
  readonly untilMs: number;
}

export const SEEN_MAX = 8;

/**
 * What one user has seen: of each partition the newest version that was read or written for it. A copy that may be older is not good
 * enough for this user, whichever process holds it. A version counts for twice the bound; after that no process serves anything older
 * to anyone.
 */
export class Seen {
  readonly #clock: Clock;
  readonly #lifeMs: number;
  #held: readonly Held[] = [];
  #hasNews = false;

  constructor(clock: Clock, boundMs: number) {
    this.#clock = clock;
    this.#lifeMs = 2 * boundMs;
  }

  /** True when it holds what its user's next request should bring along and does not bring yet. */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  /** What is to be remembered, newest last. */
  get versions(): readonly SeenVersion[] {
    const nowMs = this.#clock.monotonic();
    return this.#held.filter(({ untilMs }) => untilMs > nowMs).map(({ partition, run, version }) => ({ partition, run, version }));
  }

  /** True where a copy of this version, in a process that the feed has told this much, can't be older than what was seen. */
  allows(partition: number, version: number, reach: Reach): boolean {
    for (const held of this.#held) {
      if (held.partition !== partition && held.partition !== EVERY_PARTITION) continue;
      if (held.untilMs <= this.#clock.monotonic()) continue;
      if (held.partition === EVERY_PARTITION || held.run === '' || held.run !== reach.run) return false;
      if (version < held.version && reach.sequence < held.version) return false;
    }
    return true;
  }

  /** What its user's request brought along. */
  know(versions: readonly SeenVersion[]): void {
    const untilMs = this.#clock.monotonic() + this.#lifeMs;
    this.#held = [...this.#held, ...versions.map((version) => ({ ...version, untilMs }))];
  }

  /** This version was shown to its user, or written for it. */
  raise(partition: number, run: string, version: number): void {
    const nowMs = this.#clock.monotonic();
    if (this.#held.some((held) => held.partition === partition && held.untilMs > nowMs && held.run === run && held.version >= version)) return;
    const others = this.#held.filter((held) => held.partition !== partition && held.untilMs > nowMs);
    const next: Held[] = [...others, { partition, run, version, untilMs: nowMs + this.#lifeMs }];
    if (next.length > SEEN_MAX) next.splice(0, next.length - SEEN_MAX + 1, { partition: EVERY_PARTITION, run: '', version: 0, untilMs: nowMs + this.#lifeMs });
    this.#held = next;
    this.#hasNews = true;
  }
}

/** Stands for the partitions of which too many were seen to name them all. */
export const EVERY_PARTITION = -1;
