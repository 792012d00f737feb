import type { Wire } from '../wire.js';
import { CR } from './chars.js';

/** What may come ahead of its turn while reading goes on. */
const AHEAD_BYTES = 4096;

const NONE = Buffer.alloc(0);

/**
 * What a client has sent and can't be used yet (the beginning of a head, pipelined requests, early bytes of
 * an upgrade), and whether more is read meanwhile.
 */
export class Inflow {
  /** The exchange asks for a pause. */
  isRequestPaused = false;
  /** Answers wait for the client to read: no next request is begun until they have gone. */
  isBehind = false;
  /** The client has ended its half. */
  hasEnded = false;
  /** Behind the request that is being opened stand more bytes, which aren't held at that moment. */
  hasMore = false;
  /** What is held stands in these, from `start` to their end. */
  bytes: Buffer = NONE;
  start = 0;
  readonly #wire: Wire;
  #isPaused = false;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  get isEmpty(): boolean {
    return this.start === this.bytes.length;
  }

  /** More than nothing, or than the empty lines that may stand before a request. */
  get hasBegun(): boolean {
    return !this.isEmpty && this.bytes[this.start] !== CR;
  }

  /** The client has ended its half, and nothing that it sent is left. */
  get isAtEnd(): boolean {
    return this.hasEnded && this.isEmpty && !this.hasMore;
  }

  /** The reader of `bytes` has them now; `hold` takes back what it leaves, without a copy. */
  passOn(): void {
    this.start = this.bytes.length;
  }

  /** What was read to the end is let go of. */
  trim(): void {
    if (this.isEmpty) this.clear();
  }

  clear(): void {
    this.bytes = NONE;
    this.start = 0;
  }

  hold(bytes: Buffer, start: number, end: number): void {
    if (this.isEmpty) {
      const isOwn = bytes === this.bytes && end === bytes.length;
      this.bytes = isOwn ? bytes : Buffer.from(bytes.subarray(start, end));
      this.start = isOwn ? start : 0;
      return;
    }
    this.bytes = Buffer.concat([this.bytes.subarray(this.start), bytes.subarray(start, end)]);
    this.start = 0;
  }

  /**
   * Nothing more is read while the exchange asks for a pause, or while enough is held already for the next
   * one.
   */
  settle(isBusy: boolean): void {
    const heldBytes = this.bytes.length - this.start;
    // A little is held without a pause, since a client that has gone is not heard of in a pause.
    const isHolding = (isBusy && heldBytes > AHEAD_BYTES) || (this.isBehind && heldBytes > 0);
    const isPaused = this.isRequestPaused || isHolding;
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#wire.pause();
    else this.#wire.resume();
  }
}
