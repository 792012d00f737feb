import type { Clock } from '../../../src/base/clock.js';
import type { Random } from '../../../src/base/random.js';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
  /** Nobody waits for it by a promise. */
  readonly isQuiet: boolean;
}

/** How often promises get their turn after each event. What takes longer goes on after the next one. */
const TURNS = 8;

/**
 * Time that passes only from one event to the next, and one place where chance comes from: a run is its seed.
 */
export class World {
  readonly random: Random;
  nowMs = 0;
  #order = 0;
  /** A binary heap by time, then by age. */
  readonly #due: Due[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  at(ms: number, task: () => void, isQuiet = false): void {
    this.#push({ atMs: Math.max(ms, this.nowMs), order: this.#order++, task, isQuiet });
  }

  in(ms: number, task: () => void, isQuiet = false): void {
    this.at(this.nowMs + ms, task, isQuiet);
  }

  /** A whole number from `from` up to and including `to`. */
  between(from: number, to: number): number {
    return from + this.random.below(to - from + 1);
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.random.below(items.length)]!;
  }

  /** Lets things happen until `untilMs`; `after` is called after each. */
  async run(untilMs: number, after: () => void): Promise<void> {
    for (let next = this.#due[0]; next !== undefined && next.atMs <= untilMs; next = this.#due[0]) {
      this.#pop();
      this.nowMs = next.atMs;
      next.task();
      for (let turn = next.isQuiet ? 1 : TURNS; turn > 0; turn--) await undefined;
      after();
    }
    this.nowMs = untilMs;
  }

  #push(due: Due): void {
    const heap = this.#due;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(due, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#due;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/**
 * A process: it can be paused, and then nothing happens in it, while its clock goes on; and it can be ended.
 * Its clock starts anywhere.
 */
export class SimulatedProcess {
  readonly clock: Clock;
  readonly #world: World;
  #pausedUntilMs = 0;
  #isAlive = true;

  constructor(world: World) {
    this.#world = world;
    const monotonicMs = world.between(0, 1_000_000_000);
    const epochMs = world.between(0, 2_000_000_000);
    this.clock = {
      now: () => epochMs + world.nowMs,
      monotonic: () => monotonicMs + world.nowMs,
      after: (ms, task) => this.in(Math.max(1, ms), task),
      every: (ms, task) => {
        const ring = (): void => {
          timer = this.in(ms, ring, true);
          task();
        };
        let timer = this.in(ms, ring, true);
        return { stop: () => timer.stop() };
      },
    };
  }

  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#world.nowMs + ms);
  }

  end(): void {
    this.#isAlive = false;
  }

  /** Something that happens in this process; later, if it is paused then. */
  in(ms: number, task: () => void, isQuiet = false): { stop(): void } {
    let isStopped = false;
    const due = (): void => {
      if (isStopped || !this.#isAlive) return;
      if (this.#world.nowMs < this.#pausedUntilMs) this.#world.at(this.#pausedUntilMs, due, isQuiet);
      else task();
    };
    this.#world.in(ms, due, isQuiet);
    return { stop: () => void (isStopped = true) };
  }
}
