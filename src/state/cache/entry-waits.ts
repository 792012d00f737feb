import type { Clock } from '../../base/clock.js';

/** Notes can be lost, so who waits for one looks for itself as often as this. */
const LOOK_EVERY_MS = 250;

/** Waiting for an entry to change, in whichever process. */
export class EntryWaits {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles when a change of the entry is told of, and now and then without. */
  changed(name: string, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiting);
      const done = (): void => {
        timer.stop();
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name);
        resolve();
      };
      const timer = this.#clock.after(Math.min(limitMs, LOOK_EVERY_MS), done);
      waiting.add(done);
    });
  }

  tell(name: string): void {
    for (const done of [...(this.#waiting.get(name) ?? [])]) done();
  }
}
