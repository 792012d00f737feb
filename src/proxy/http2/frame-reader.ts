import { DATA, FRAME_BYTES_MAX, FRAME_HEAD_BYTES } from './frames.js';

/** Takes frames, each whole. */
export interface FrameTaker {
  /** False: nothing more of what came is wanted. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): boolean;
  frameTooLarge(): void;
  /**
   * Where they are there, DATA comes in pieces, as it is read: first how long the frame is, then its bytes.
   * False: nothing more of what came is wanted.
   */
  dataBegins?(flags: number, stream: number, length: number): boolean;
  /** `left`: bytes of the frame that are still to come. */
  dataPiece?(bytes: Buffer, start: number, end: number, left: number): boolean;
}

/**
 * Cuts what comes over a connection into frames. A frame that is cut by a read is put together in memory of
 * its own.
 */
export class FrameReader {
  readonly #taker: FrameTaker;
  /** The beginning of a frame that isn't whole. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  /** Bytes still to come of a DATA frame that is handed on in pieces; -1: none is. */
  #dataLeft = -1;
  readonly #takesPieces: boolean;

  constructor(taker: FrameTaker) {
    this.#taker = taker;
    this.#takesPieces = taker.dataPiece !== undefined;
  }

  read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#held !== undefined) {
      at = this.#complete(bytes, at, end);
      if (at === -1) return;
    }
    if (this.#dataLeft >= 0) {
      at = this.#passData(bytes, at, end);
      if (at === -1) return;
    }
    while (end - at >= FRAME_HEAD_BYTES) {
      const length = lengthAt(bytes, at);
      if (length > FRAME_BYTES_MAX) {
        this.#taker.frameTooLarge();
        return;
      }
      if (this.#takesPieces && bytes[at + 3] === DATA) {
        if (!this.#beginData(bytes, at)) return;
        at = this.#passData(bytes, at + FRAME_HEAD_BYTES, end);
        if (at === -1) return;
        continue;
      }
      const stop = at + FRAME_HEAD_BYTES + length;
      if (stop > end) break;
      if (!this.#hand(bytes, at, stop)) return;
      at = stop;
    }
    if (at < end) this.#hold(bytes, at, end);
  }

  /** Adds to the held beginning; answers where the next frame begins, -1 when there is none. */
  #complete(bytes: Buffer, start: number, end: number): number {
    let held = this.#held!;
    let at = start;
    for (;;) {
      const isHeadWhole = this.#heldBytes >= FRAME_HEAD_BYTES;
      const wanted = isHeadWhole ? FRAME_HEAD_BYTES + lengthAt(held, 0) : FRAME_HEAD_BYTES;
      if (isHeadWhole && wanted > FRAME_HEAD_BYTES + FRAME_BYTES_MAX) {
        this.#taker.frameTooLarge();
        return -1;
      }
      if (wanted > held.length) {
        held = Buffer.concat([held.subarray(0, this.#heldBytes)], wanted);
        this.#held = held;
      }
      const take = Math.min(wanted - this.#heldBytes, end - at);
      bytes.copy(held, this.#heldBytes, at, at + take);
      this.#heldBytes += take;
      at += take;
      if (this.#heldBytes < wanted) return -1;
      if (!isHeadWhole && this.#takesPieces && held[3] === DATA && lengthAt(held, 0) <= FRAME_BYTES_MAX) {
        this.#held = undefined;
        return this.#beginData(held, 0) ? at : -1;
      }
      if (!isHeadWhole && lengthAt(held, 0) > 0) continue;
      this.#held = undefined;
      return this.#hand(held, 0, wanted) ? at : -1;
    }
  }

  #beginData(bytes: Buffer, at: number): boolean {
    this.#dataLeft = lengthAt(bytes, at);
    return this.#taker.dataBegins!(bytes[at + 4]!, streamAt(bytes, at), this.#dataLeft);
  }

  /** Answers where the next frame begins, -1 when there is none. */
  #passData(bytes: Buffer, start: number, end: number): number {
    if (start === end && this.#dataLeft > 0) return -1;
    const stop = Math.min(end, start + this.#dataLeft);
    const left = this.#dataLeft - (stop - start);
    this.#dataLeft = left === 0 ? -1 : left;
    return this.#taker.dataPiece!(bytes, start, stop, left) ? stop : -1;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    const whole = size >= FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES + lengthAt(bytes, start) : FRAME_HEAD_BYTES;
    this.#held = Buffer.allocUnsafe(whole);
    bytes.copy(this.#held, 0, start, end);
    this.#heldBytes = size;
  }

  #hand(bytes: Buffer, at: number, stop: number): boolean {
    const from = at + FRAME_HEAD_BYTES;
    return this.#taker.frame(bytes[at + 3]!, bytes[at + 4]!, streamAt(bytes, at), bytes, from, stop);
  }
}

/** The highest bit of a stream's number is reserved and ignored (RFC 9113 §4.1). */
function streamAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + 5) & 0x7fffffff;
}

function lengthAt(bytes: Buffer, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}
