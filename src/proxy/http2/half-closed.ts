import type { Outlet } from '../outlet.js';
import type { Site } from '../site.js';
import { CANCEL } from './frames.js';
import type { Streams } from './streams.js';

/**
 * A client that has closed its sending half may wait for its answers, or have gone: they are waited for this
 * long, as over HTTP/1.1.
 */
const HALF_CLOSED_MS = 500;
/** To read that its requests have ended, should it be there. */
const GOODBYE_MS = 2000;

/** Whether a client whose FIN has come has gone: docs/decisions/a-fin-is-a-client-that-has-gone.md. */
export class HalfClosed {
  hasBegun = false;
  readonly #site: Site;
  readonly #outlet: Outlet;
  readonly #streams: Streams;
  /** Bytes written when it was looked last. */
  #bytesSeen = -1;

  constructor(site: Site, outlet: Outlet, streams: Streams) {
    this.#site = site;
    this.#outlet = outlet;
    this.#streams = streams;
  }

  /** The FIN is here. Answers when to look: at `otherwise` where the client is waited for in any case. */
  begin(otherwise: number): number {
    this.hasBegun = !this.#site.settings.halfClose;
    return this.hasBegun ? this.#lookAgain() : otherwise;
  }

  /** Ends its requests if it has gone. Answers when to look next. */
  look(): number {
    const { deadlines, settings } = this.#site;
    const { bodyIdleMs } = settings.limits;
    const isWaiting = this.#outlet.wire.bufferedBytes > 0;
    // While it is being sent something, a client that has gone shows itself by a reset.
    if (isWaiting && this.#outlet.progress(deadlines.nowMs, bodyIdleMs) !== 'nothing')
      return deadlines.after(bodyIdleMs);
    if (!isWaiting && this.#bytesSeen !== this.#outlet.bytesOut) return this.#lookAgain();
    for (const stream of this.#streams.all()) stream.fail(CANCEL);
    return deadlines.after(GOODBYE_MS);
  }

  #lookAgain(): number {
    this.#bytesSeen = this.#outlet.bytesOut;
    return this.#site.deadlines.after(HALF_CLOSED_MS);
  }
}
