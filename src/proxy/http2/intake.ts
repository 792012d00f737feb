import type { StreamGround } from './stream-ground.js';

/** What a client may send of a request's body before it is credited. */
export const STREAM_WINDOW = 128 * 1024;

/** What comes of one request's body, and what the client was credited for it. */
export class Intake {
  readonly #ground: StreamGround;
  readonly #stream: number;
  #window = STREAM_WINDOW;
  #uncredited = 0;
  /** Bytes that wait for the upstream: credited to the connection from the budget, and not. */
  #lent = 0;
  #held = 0;

  constructor(ground: StreamGround, stream: number) {
    this.#ground = ground;
    this.#stream = stream;
  }

  /** A frame has come. False: it is larger than the window. */
  take(bytes: number): boolean {
    this.#window -= bytes;
    this.#uncredited += bytes;
    return this.#window >= 0;
  }

  /** It waits for the upstream. */
  hold(bytes: number): void {
    if (this.#ground.hold(bytes)) this.#lent += bytes;
    else this.#held += bytes;
  }

  /** What waited has gone on, or nobody wants it. */
  letGo(): void {
    const [lent, held] = [this.#lent, this.#held];
    if (lent + held === 0) return;
    this.#lent = 0;
    this.#held = 0;
    this.#ground.release(lent);
    this.#ground.credit(held);
  }

  /** The client may send again what its upstream has taken. */
  credit(): void {
    if (this.#uncredited < STREAM_WINDOW / 2) return;
    this.#ground.sendWindow(this.#stream, this.#uncredited);
    this.#window += this.#uncredited;
    this.#uncredited = 0;
  }
}
