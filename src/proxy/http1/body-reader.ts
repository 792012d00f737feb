import { BROKEN, ChunkedReader, DONE, type ChunkSink } from './chunked.js';
import { CHUNKED } from './request-head.js';

/** Finds the end of a request's body and hands on what lies before it, framing included. */
export class BodyReader {
  isWhole: boolean;
  isBroken = false;
  /** Bytes of data so far, without framing. */
  dataBytes = 0;
  readonly #sink: ChunkSink;
  readonly #chunks: ChunkedReader | undefined;
  #left: number;

  constructor(bodyBytes: number, sink: ChunkSink) {
    this.#sink = sink;
    this.#left = bodyBytes;
    this.#chunks = bodyBytes === CHUNKED ? new ChunkedReader(true) : undefined;
    this.isWhole = bodyBytes === 0;
  }

  /** Reads on; returns where the body's part of these bytes ends. */
  read(bytes: Buffer, start: number, end: number): number {
    const chunks = this.#chunks;
    if (chunks !== undefined) {
      const stop = chunks.read(bytes, start, end, this.#sink);
      this.dataBytes = chunks.dataBytes;
      this.isWhole = chunks.state === DONE;
      this.isBroken = chunks.state === BROKEN;
      return stop;
    }
    const stop = start + Math.min(this.#left, end - start);
    this.#left -= stop - start;
    this.dataBytes += stop - start;
    this.isWhole = this.#left === 0;
    if (stop > start) this.#sink.chunkBytes(bytes, start, stop);
    return stop;
  }
}
