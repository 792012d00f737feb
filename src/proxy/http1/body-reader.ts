import { BROKEN, ChunkedReader, DONE, type ChunkFault, type ChunkSink } from './chunked.js';
import type { RequestHead } from './request-head.js';

/** Finds the end of a request's body and hands on what lies before it. */
export class BodyReader {
  readonly #sink: ChunkSink;
  readonly #head: RequestHead;
  /** Made when the first byte is read: only then it is settled what the body's receiver wants. */
  #chunks: ChunkedReader | undefined;
  readonly #bodyBytes: number;
  #left: number;

  constructor(head: RequestHead, sink: ChunkSink) {
    this.#sink = sink;
    this.#head = head;
    this.#bodyBytes = head.bodyBytes;
    this.#left = head.bodyBytes;
  }

  get isWhole(): boolean {
    return this.#chunks === undefined ? this.#left === 0 : this.#chunks.state === DONE;
  }
  /** What is wrong with it; `undefined` while nothing is. */
  get fault(): ChunkFault | undefined {
    return this.#chunks?.state === BROKEN ? this.#chunks.fault : undefined;
  }
  /** Bytes of data so far, without framing. */
  get dataBytes(): number {
    return this.#chunks === undefined ? this.#bodyBytes - this.#left : this.#chunks.dataBytes;
  }

  /** Reads on; returns where the body's part of these bytes ends. */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.#bodyBytes < 0) {
      this.#chunks ??= new ChunkedReader(this.#head.inChunks);
      return this.#chunks.read(bytes, start, end, this.#sink);
    }
    const stop = start + Math.min(this.#left, end - start);
    if (stop === start) return stop;
    this.#left -= stop - start;
    this.#sink.chunkBytes(bytes, start, stop);
    if (this.#left === 0) this.#sink.chunkEnd('');
    return stop;
  }
}
