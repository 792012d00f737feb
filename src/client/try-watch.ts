import type { Clock, Timer } from '../base/clock.js';

/** Why a try was ended from this side: by its caller, or because its time or the whole call's was over. */
export type WatchStop = 'abort' | 'deadline' | 'answerTime';

/** The times that one try has. */
export interface TryTimes {
  /** Until the call's deadline. */
  readonly leftMs: number;
  /** Until an answer must have begun. */
  readonly answerTimeMs: number;
}

/** Ends one try when its caller aborts or its time is over, and knows which of these it was. */
export class TryWatch {
  stop: WatchStop | undefined;
  /** Told once, when it ends the try. */
  onStop: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #caller: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #startedAt: number;
  readonly #leftMs: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, caller: AbortSignal | undefined, { leftMs, answerTimeMs }: TryTimes) {
    this.#clock = clock;
    this.#caller = caller;
    this.#startedAt = clock.monotonic();
    this.#leftMs = leftMs;
    caller?.addEventListener('abort', this.#aborted);
    this.#timer =
      answerTimeMs < leftMs
        ? clock.after(answerTimeMs, () => this.#end('answerTime'))
        : clock.after(leftMs, this.#late);
  }

  /** For `fetch`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * The promise, unless the watch ends first: a `fetch` that pays no heed to its signal must not hold the
   * call up.
   */
  async race<T>(promise: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.onStop = () => reject(this.signal.reason);
      promise.then(resolve, reject);
    });
  }

  /** The answer has begun: from here on only the deadline and the caller count. */
  answered(): void {
    this.onStop = undefined;
    this.#timer?.stop();
    this.#timer = this.#clock.after(
      Math.max(0, this.#leftMs - (this.#clock.monotonic() - this.#startedAt)),
      this.#late,
    );
  }

  /** The try is over. */
  end(): void {
    this.onStop = undefined;
    this.#timer?.stop();
    this.#caller?.removeEventListener('abort', this.#aborted);
  }

  readonly #aborted = (): void => this.#end('abort', this.#caller!.reason);
  readonly #late = (): void => this.#end('deadline');

  #end(stop: WatchStop, reason?: unknown): void {
    this.stop = stop;
    const { onStop } = this;
    this.end();
    this.#controller.abort(reason);
    onStop?.();
  }
}
