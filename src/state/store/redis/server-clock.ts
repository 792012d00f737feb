import type { Clock } from '../../../base/clock.js';

/** From a script whose answer took longer than this nothing is learnt, unless nothing is known. */
const ROUND_TRIP_MAX_MS = 1_000;
/** Clocks of two machines drift apart by less than a tenth of a second in this time. */
const GOOD_FOR_MS = 60_000;

/**
 * What the clock of a Redis server shows, as far as its answers let us know: it is never compared with this
 * machine's.
 */
export class ServerClock {
  readonly #clock: Clock;
  #offsetMs: number | undefined;
  #learntAtMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isKnown(): boolean {
    return this.#offsetMs !== undefined;
  }

  get isFresh(): boolean {
    return this.#clock.monotonic() - this.#learntAtMs < GOOD_FOR_MS;
  }

  /** Milliseconds since the epoch, by the server's clock. Only where it is known. */
  now(): number {
    return this.#clock.monotonic() + (this.#offsetMs ?? 0);
  }

  /** It showed `serverMs` at some time between when it was asked and now. */
  learn(serverMs: number, askedAtMs: number): void {
    const nowMs = this.#clock.monotonic();
    if (this.isKnown && nowMs - askedAtMs > ROUND_TRIP_MAX_MS) return;
    this.#offsetMs = serverMs - (askedAtMs + nowMs) / 2;
    this.#learntAtMs = nowMs;
  }
}
