import type { Clock, Timer } from '../base/clock.js';

/** The time between the word that a gateway goes and its going: `shutdownDelay`. */
export class CloseDelay {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #over: Promise<void> | undefined;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hasBegun(): boolean {
    return this.#over !== undefined;
  }

  /** Resolves when it is over. Called again, it answers the same. */
  begin(ms: number): Promise<void> {
    return (this.#over ??= new Promise((done) => {
      this.#end = done;
      if (ms > 0) this.#timer = this.#clock.after(ms, done);
      else done();
    }));
  }

  /** It is over now. */
  end(): void {
    this.#over ??= Promise.resolve();
    this.#timer?.stop();
    this.#end?.();
  }
}
