import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';

/** A load balancer that is set up otherwise sends thousands of such connections. */
const AGAIN_MS = 60_000;

/** Says, now and then, that a trusted proxy sent no header of the PROXY protocol. */
export class MissingHeaders {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #toldAtMs = -Infinity;
  #count = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  met(address: string): void {
    this.#count++;
    const now = this.#clock.monotonic();
    if (now - this.#toldAtMs < AGAIN_MS) return;
    this.#toldAtMs = now;
    this.#logger.warn(
      { client: address, count: this.#count },
      `${address} is a trusted proxy and sent no header of the PROXY protocol, so its connection was closed. Let it send one, or leave out proxyProtocol.`,
    );
    this.#count = 0;
  }
}
