import type { Clock, Timer } from '../../base/clock.js';
import { HISTOGRAM_NUMBERS, histogramAt, observe, type Histogram } from './histogram.js';

/** Ten looks a second cost nothing that could be measured. */
const LOOK_MS = 100;

/**
 * How late a timer is, over and over: for so long the event loop was busy with something else. Its histogram
 * only grows, so that any number of readers see the same and those of several processes can be added.
 */
export class EventLoopDelay {
  readonly #numbers = new Float64Array(HISTOGRAM_NUMBERS);
  readonly #timer: Timer;
  #dueAtMs: number;

  constructor(clock: Clock) {
    this.#dueAtMs = clock.monotonic() + LOOK_MS;
    this.#timer = clock.every(LOOK_MS, () => {
      const now = clock.monotonic();
      observe(this.#numbers, 0, Math.max(0, now - this.#dueAtMs));
      this.#dueAtMs = now + LOOK_MS;
    });
  }

  read(): Histogram {
    return histogramAt(this.#numbers, 0);
  }

  stop(): void {
    this.#timer.stop();
  }
}
