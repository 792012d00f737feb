import type { Logger } from 'pino';
import type { Clock, Timer } from '../base/clock.js';

/** A shortage is logged at once, and from then on at most this often. */
const AGAIN_MS = 10_000;

/**
 * `connections`: as many clients as `limits.connections` allows. `openFiles`: the system has no file, port or
 * memory left for a connection.
 */
export type Shortage = 'connections' | 'openFiles';

/** Counts what could not be had, and says so in the log now and then, however often it is met. */
export class Shortages {
  readonly counts: Record<Shortage, number> = { connections: 0, openFiles: 0 };
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #untold: Record<Shortage, number> = { connections: 0, openFiles: 0 };
  readonly #timers = new Map<Shortage, Timer>();
  #cause: string | undefined;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  met(limit: Shortage, cause?: string): void {
    this.counts[limit]++;
    this.#untold[limit]++;
    this.#cause = cause;
    if (!this.#timers.has(limit)) this.#tell(limit);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.stop();
  }

  #tell(limit: Shortage): void {
    const count = this.#untold[limit];
    this.#untold[limit] = 0;
    if (count === 0) {
      this.#timers.delete(limit);
      return;
    }
    const cause = limit === 'openFiles' ? this.#cause : undefined;
    this.#logger.warn(
      { limit, count, ...(cause !== undefined && { cause }) },
      limit === 'connections'
        ? `the limit of connections is reached: ${count} closed as they came (limits.connections)`
        : `the system gives no more connections${cause === undefined ? '' : ` (${cause})`}: ${count} could not be made (ulimit -n, ports, memory)`,
    );
    this.#timers.set(
      limit,
      this.#clock.after(AGAIN_MS, () => this.#tell(limit)),
    );
  }
}
