import { setMaxListeners } from 'node:events';
import type { Clock, Timer } from '../../base/clock.js';

/**
 * How many looks a limit is divided into. An operation ends at the limit at the soonest, and a quarter of it
 * later at the latest.
 */
const LOOKS = 8;

interface Batch {
  readonly startedAtMs: number;
  readonly controller: AbortController;
  readonly refusals: Set<() => void>;
}

/**
 * Ends what takes too long. Operations that begin at about the same time share one deadline and one signal,
 * so that none needs a timer of its own.
 */
export class TimeLimit {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #late: () => Error;
  readonly #failed: (error: unknown) => Error;
  readonly #slow: (() => void) | undefined;
  readonly #batches: Batch[] = [];
  #looking: Timer | undefined;
  #lookedAtMs = 0;

  /**
   * `late` makes the error of what took too long, `failed` that of what failed by itself. `slow` is called
   * while something takes a good part of the limit.
   */
  constructor(
    clock: Clock,
    limitMs: number,
    late: () => Error,
    failed: (error: unknown) => Error,
    slow?: () => void,
  ) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#late = late;
    this.#failed = failed;
    this.#slow = slow;
  }

  /**
   * What the operation gives, unless that takes longer than the limit. What comes of it later goes unheard.
   */
  run<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { controller, refusals } = this.#batch();
    return new Promise<T>((resolve, reject) => {
      const refuse = (): void => reject(this.#late());
      refusals.add(refuse);
      operation(controller.signal).then(
        (value) => {
          refusals.delete(refuse);
          resolve(value);
        },
        (error: unknown) => {
          refusals.delete(refuse);
          reject(this.#failed(error));
        },
      );
    });
  }

  stop(): void {
    this.#looking?.stop();
    this.#looking = undefined;
    for (const batch of this.#batches.splice(0)) end(batch);
  }

  #batch(): Batch {
    const nowMs = this.#clock.monotonic();
    const last = this.#batches.at(-1);
    if (last !== undefined && nowMs - last.startedAtMs < this.#limitMs / LOOKS) return last;
    const batch: Batch = { startedAtMs: nowMs, controller: new AbortController(), refusals: new Set() };
    setMaxListeners(0, batch.controller.signal); // as many as there are operations in the batch
    this.#batches.push(batch);
    if (this.#looking === undefined) {
      this.#lookedAtMs = nowMs;
      this.#looking = this.#clock.every(this.#limitMs / LOOKS, () => this.#look());
    }
    return batch;
  }

  #look(): void {
    const nowMs = this.#clock.monotonic();
    const sinceLookMs = nowMs - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
    // This process stood still: answers may lie here unread. They get until the next look.
    if (sinceLookMs > (this.#limitMs / LOOKS) * 2) return;
    if (this.#slow !== undefined && this.#batches.some((batch) => this.#isSlow(batch, nowMs))) this.#slow();
    const overMs = this.#limitMs + this.#limitMs / LOOKS;
    while (this.#batches.length > 0 && nowMs - this.#batches[0]!.startedAtMs >= overMs)
      end(this.#batches.shift()!);
    if (this.#batches.length > 0) return;
    this.#looking?.stop();
    this.#looking = undefined;
  }

  #isSlow({ startedAtMs, refusals }: Batch, nowMs: number): boolean {
    return refusals.size > 0 && nowMs - startedAtMs >= this.#limitMs / LOOKS;
  }
}

function end({ controller, refusals }: Batch): void {
  for (const refuse of refusals) refuse();
  if (refusals.size > 0) controller.abort();
}
