import { CR, LF } from './chars.js';

/** Before one request. */
const LINES_MAX = 16;

/**
 * Empty lines before a request are forgiven (RFC 9112 §2.2), up to a bound: some clients write one behind a
 * body. They begin nothing: a client that sent no more than these asked for nothing, and is told nothing.
 */
export class EmptyLines {
  #lines = 0;

  /** Answers where the request begins: `end` when all are empty lines, at a CR that may be half of one. */
  skip(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF && this.#lines < LINES_MAX) {
      this.#lines++;
      at += 2;
    }
    if (at < end && bytes[at] !== CR) this.#lines = 0;
    return at;
  }
}
