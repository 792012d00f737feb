import type { Clock } from '../../base/clock.js';

/**
 * The newest change of a partition that somebody has seen the outcome of. `run` names the life of the
 * partition; empty: unknown.
 */
export interface SeenVersion {
  readonly partition: number;
  readonly run: string;
  readonly version: number;
}

/** The same for where it is carried to. */
export interface CarriedVersion extends SeenVersion {
  /** For how long it still counts. */
  readonly leftMs: number;
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
 * What one user has seen: of each partition the newest version that was read or written for it. A copy that
 * may be older is not good enough for this user, whichever process holds it. A version counts for twice the
 * bound; after that no process serves anything older to anyone.
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
  get versions(): readonly CarriedVersion[] {
    const nowMs = this.#clock.monotonic();
    return this.#held
      .filter(({ untilMs }) => untilMs > nowMs)
      .map(({ partition, run, version, untilMs }) => ({
        partition,
        run,
        version,
        leftMs: Math.ceil(untilMs - nowMs),
      }));
  }

  /**
   * True where a copy of this version, in a process that the feed has told this much, can't be older than
   * what was seen. Numbers of two lives of a partition can't be compared: while one of another life counts,
   * no copy is good enough.
   */
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
  know(versions: readonly CarriedVersion[]): void {
    const nowMs = this.#clock.monotonic();
    for (const { leftMs, ...version } of versions)
      this.#hold({ ...version, untilMs: nowMs + Math.min(leftMs, this.#lifeMs) });
  }

  /** This version was shown to its user, or written for it. */
  raise(partition: number, run: string, version: number): void {
    const nowMs = this.#clock.monotonic();
    if (
      this.#held.some(
        (held) =>
          held.partition === partition && held.run === run && held.version >= version && held.untilMs > nowMs,
      )
    )
      return;
    this.#hold({ partition, run, version, untilMs: nowMs + this.#lifeMs });
    this.#hasNews = true;
  }

  #hold(next: Held): void {
    const nowMs = this.#clock.monotonic();
    const isSame = ({ partition, run }: Held): boolean => partition === next.partition && run === next.run;
    // Who has seen one has seen all before it, so of two that count the higher is enough, for as long as that
    // counts.
    const known = this.#held.find(
      (held) => isSame(held) && held.untilMs > nowMs && held.version >= next.version,
    );
    if (known !== undefined && (known.version > next.version || known.untilMs >= next.untilMs)) return;
    const held = [...this.#held.filter((other) => other.untilMs > nowMs && !isSame(other)), next];
    if (held.length > SEEN_MAX)
      held.splice(0, held.length - SEEN_MAX + 1, {
        partition: EVERY_PARTITION,
        run: '',
        version: 0,
        untilMs: nowMs + this.#lifeMs,
      });
    this.#held = held;
  }
}

/** Stands for the partitions of which too many were seen to name them all. */
export const EVERY_PARTITION = -1;
