import type { Clock, Timer } from '../base/clock.js';
import { CLOSE_FRAME, FrameBoundary } from './frame-boundary.js';
import type { ClientSide } from './sides.js';

/** How long a frame that is under way, and then the client's own close, is waited for. */
const GRACE_MS = 10_000;

/**
 * The upstream's direction of a WebSocket, which can be ended from here between two frames: the client gets
 * a close frame with 1012, and answers with its own, which the upstream gets. What the upstream still sends
 * is left out.
 */
export class PoliteEnd {
  readonly #client: ClientSide;
  readonly #clock: Clock;
  readonly #boundary = new FrameBoundary();
  #isLeaving = false;
  #hasSaid = false;
  #limit: Timer | undefined;

  constructor(client: ClientSide, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#hasSaid) return;
    if (!this.#isLeaving) {
      this.#boundary.pass(bytes, start, end);
      this.#client.data(bytes, start, end);
      return;
    }
    const stop = this.#boundary.passFrame(bytes, start, end);
    this.#client.data(bytes, start, stop);
    this.#sayIfAtEnd();
  }

  /** `cut`: what to do when the other way takes too long. */
  leave(cut: () => void): void {
    this.#isLeaving = true;
    this.#limit = this.#clock.after(GRACE_MS, cut);
    this.#sayIfAtEnd();
  }

  over(): void {
    this.#limit?.stop();
  }

  #sayIfAtEnd(): void {
    // An upstream that closes by itself has said so, and nothing may follow that.
    if (!this.#boundary.isAt || this.#boundary.hasClosed) return;
    this.#hasSaid = true;
    this.#client.data(CLOSE_FRAME, 0, CLOSE_FRAME.length);
    this.#client.flush();
  }
}
