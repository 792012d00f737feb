import type { Outlet } from '../outlet.js';
import type { FrameWriter } from './frame-writer.js';
import { NO_ERROR, WINDOW_MAX } from './frames.js';

/** The second GOAWAY is due at this question for it, when the client doesn't acknowledge the PING. */
const ASKED_MAX = 25;

/** What the client has to acknowledge it, when the connection goes because of its age. */
const ANSWER_MS = 10_000;

/**
 * How a connection goes in order (RFC 9113 §6.8): a GOAWAY that still lets in what is on its way, with a
 * PING behind it; once the client has answered that, or has had time enough, one that names the last request.
 */
export class Departure {
  readonly #write: FrameWriter;
  readonly #outlet: Outlet;
  #asked = 0;
  #begunAt = Infinity;
  /** Requests that come now are refused. */
  isRefusingNew = false;

  constructor(write: FrameWriter, outlet: Outlet) {
    this.#write = write;
    this.#outlet = outlet;
  }

  get hasBegun(): boolean {
    return this.#asked > 0;
  }

  /** Asked again and again while the gateway closes. `lastStream`: the highest that has come. */
  ask(lastStream: number): void {
    this.#asked++;
    if (this.#asked >= ASKED_MAX) this.refuseNew(lastStream);
    else if (this.#asked === 1) this.#begin();
  }

  /** The connection has lived long enough. */
  begin(nowMs: number): void {
    if (this.hasBegun) return;
    this.#asked = 1;
    this.#begunAt = nowMs;
    this.#begin();
  }

  /** A request comes long after the first GOAWAY, from a client that doesn't answer PINGs. */
  refuseLate(lastStream: number, nowMs: number): void {
    if (nowMs - this.#begunAt > ANSWER_MS) this.refuseNew(lastStream);
  }

  refuseNew(lastStream: number): void {
    if (this.isRefusingNew) return;
    this.isRefusingNew = true;
    this.#write.goAway(lastStream, NO_ERROR);
    this.#outlet.flush();
  }

  #begin(): void {
    this.#write.goAway(WINDOW_MAX, NO_ERROR);
    this.#write.ping('goodbye!', 0);
    this.#outlet.flush();
  }
}
