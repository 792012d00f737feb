import type { Deadlines } from '../deadlines.js';

/**
 * So many at once, and so many a second from then on: what a peer may do that costs us and brings it nothing.
 */
export class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #deadlines: Deadlines;
  #left: number;
  #at: number;

  constructor(burst: number, perSecond: number, deadlines: Deadlines) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#deadlines = deadlines;
    this.#left = burst;
    this.#at = deadlines.nowMs;
  }

  /** False when it is used up. */
  spend(): boolean {
    const { nowMs } = this.#deadlines;
    this.#left = Math.min(this.#burst, this.#left + ((nowMs - this.#at) / 1000) * this.#perSecond);
    this.#at = nowMs;
    return --this.#left >= 0;
  }
}
