import type { Limits } from '../limits.js';
import { EmptyLines } from './empty-lines.js';
import { headEnd } from './head-end.js';
import { isHead, refusalOfPart } from './request-error.js';
import { parseRequestHead, type RequestError, type RequestHead } from './request-head.js';

/** Finds one request's head after the other in what came over a connection. */
export class HeadReader {
  /** Where the head that was looked for last begins: behind empty lines. */
  start = 0;
  /** Where it ends. */
  stop = 0;
  /** It asks for an answer without a body, whatever is wrong with the rest. */
  isHeadRequest = false;
  readonly #emptyLines = new EmptyLines();
  /** How far behind `start` the end of a head has been looked for. */
  #searched = 0;

  /** `undefined` when the head isn't whole: it is wanted again, from `start`, with more behind it. */
  read(
    bytes: Buffer,
    start: number,
    end: number,
    limits: Limits,
    isTrusted: boolean,
  ): RequestHead | RequestError | 'head-too-large' | undefined {
    if (this.#searched === 0) start = this.#emptyLines.skip(bytes, start, end);
    this.start = start;
    if (start === end) return undefined;
    this.isHeadRequest = isHead(bytes, start, end);
    const searchStart = start + this.#searched;
    const stop = headEnd(bytes, searchStart, end);
    if (stop === -1) {
      this.#searched = Math.max(0, end - start - 3);
      const error = refusalOfPart(bytes, start, searchStart, end, limits.fieldsMax);
      return error ?? (end - start > limits.headBytesMax ? 'head-too-large' : undefined);
    }
    this.stop = stop;
    this.#searched = 0;
    if (stop - start > limits.headBytesMax) return 'head-too-large';
    return parseRequestHead(bytes, start, stop, limits.fieldsMax, isTrusted);
  }
}
