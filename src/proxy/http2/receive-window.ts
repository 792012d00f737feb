import type { FrameWriter } from './frame-writer.js';
import { WINDOW_DEFAULT } from './frames.js';
import type { HeldBytes } from './held-bytes.js';

/** What a connection may have on its way to us, beyond what it holds at the cost of all. */
export const CONNECTION_WINDOW = 256 * 1024;

/**
 * What a client may send over one connection before it is credited (RFC 9113 §6.9). Bytes are credited as
 * upstreams take them. Bytes that wait for a slow upstream would stop the connection's other streams, so they
 * are credited too, as long as the budget of the whole gateway has room for them.
 */
export class ReceiveWindow {
  readonly #write: FrameWriter;
  readonly #held: HeldBytes;
  #window = CONNECTION_WINDOW;
  #owed = 0;

  constructor(write: FrameWriter, held: HeldBytes) {
    this.#write = write;
    this.#held = held;
    write.window(0, CONNECTION_WINDOW - WINDOW_DEFAULT);
  }

  /** A frame has come. False: it is larger than the window. */
  take(bytes: number): boolean {
    this.#window -= bytes;
    return this.#window >= 0;
  }

  /** They have gone on, or nobody wants them. */
  credit(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed < CONNECTION_WINDOW / 2) return;
    this.#write.window(0, this.#owed);
    this.#window += this.#owed;
    this.#owed = 0;
  }

  /** They wait for a slow upstream. True: they are credited, and `release` gives them back to the budget. */
  hold(bytes: number): boolean {
    if (!this.#held.take(bytes)) return false;
    this.credit(bytes);
    return true;
  }

  release(bytes: number): void {
    this.#held.give(bytes);
  }
}
