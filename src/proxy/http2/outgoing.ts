import type { Outlet } from '../outlet.js';
import type { FrameWriter } from './frame-writer.js';
import { FRAME_BYTES_MAX, WINDOW_DEFAULT, WINDOW_MAX } from './frames.js';
import { encodeLines } from './hpack-encoder.js';

/** Unsent bytes of a stream at which its source is asked to wait. */
const PRESSURE_BYTES = 32 * 1024;

/** The streams of a connection that have something to send: they share its window, each in its turn. */
export class SendTurns {
  /** DATA frames sent. */
  frames = 0;
  readonly #outlet: Outlet;
  readonly #write: FrameWriter;
  readonly #waiting = new Set<Outgoing>();
  /** What the peer takes of all of them together. */
  #window = WINDOW_DEFAULT;

  constructor(outlet: Outlet, write: FrameWriter) {
    this.#outlet = outlet;
    this.#write = write;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** False when the window would be larger than there may be. */
  growWindow(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= WINDOW_MAX;
  }

  wait(stream: Outgoing): void {
    this.#waiting.add(stream);
  }

  forget(stream: Outgoing): void {
    this.#waiting.delete(stream);
  }

  /** Round after round, one frame of each stream that can send, until none can. */
  sendWaiting(): void {
    let hasMoved = true;
    while (hasMoved && this.#window > 0 && !this.#outlet.isUnderPressure) {
      hasMoved = false;
      for (const stream of this.#waiting) {
        if (stream.sendWaiting()) hasMoved = true;
        if (!stream.isWaiting) this.#waiting.delete(stream);
      }
    }
  }

  /** Sends one DATA frame of what the windows let pass; answers how many bytes of it, -1: none. */
  send(id: number, window: number, bytes: Buffer, start: number, end: number, isEnd: boolean): number {
    const size = Math.min(end - start, FRAME_BYTES_MAX, window, this.#window);
    if (size <= 0 || this.#outlet.isUnderPressure) return -1;
    this.#write.data(id, bytes, start, start + size, isEnd && start + size === end);
    this.#window -= size;
    this.frames++;
    return size;
  }

  sendEnd(id: number, trailers: string): void {
    if (trailers === '') this.#write.data(id, EMPTY, 0, 0, true);
    else this.#write.headers(id, encodeLines(trailers), true);
  }
}

/** Is told how an `Outgoing` gets on. */
export interface SendWatcher {
  /** Some of it has left, or all with its end. */
  sendMoved(): void;
  /** So much is gone that more may come. */
  sendDrained(): void;
}

/** What one stream sends: data in order, as the windows let it pass, and then the end. */
export class Outgoing {
  id = 0;
  /** END_STREAM has been sent. */
  isWhole = false;
  readonly #turns: SendTurns;
  readonly #watcher: SendWatcher;
  #window: number;
  /** What was announced and has not come yet; below 0: not known. */
  #left: number;
  #waiting: Buffer[] | undefined;
  #waitingBytes = 0;
  /** The end has come, and waits behind the data. */
  #hasEnd = false;
  #trailers = '';
  #wasUnderPressure = false;

  /** `bodyBytes`: what was announced; below 0: nothing. */
  constructor(turns: SendTurns, watcher: SendWatcher, id: number, window: number, bodyBytes: number) {
    this.#turns = turns;
    this.#watcher = watcher;
    this.id = id;
    this.#window = window;
    this.#left = bodyBytes;
  }

  get isWaiting(): boolean {
    return this.#waitingBytes > 0;
  }

  get isUnderPressure(): boolean {
    return (this.#wasUnderPressure = this.#waitingBytes >= PRESSURE_BYTES);
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.isWhole || this.#hasEnd || start === end) return;
    if (this.#left >= 0) this.#left -= end - start;
    const isEnd = this.#left === 0;
    while (this.#waitingBytes === 0 && start < end) {
      const sent = this.#turns.send(this.id, this.#window, bytes, start, end, isEnd);
      if (sent === -1) break;
      this.#window -= sent;
      start += sent;
    }
    if (start < end) {
      (this.#waiting ??= []).push(Buffer.from(bytes.subarray(start, end)));
      this.#waitingBytes += end - start;
      this.#hasEnd = isEnd;
      this.#turns.wait(this);
    } else if (isEnd) this.isWhole = true;
  }

  end(trailers: string): void {
    if (this.isWhole || this.#hasEnd) return;
    this.#hasEnd = true;
    this.#trailers = trailers;
    if (this.#waitingBytes === 0) this.#sendEnd();
  }

  /** One turn of sending what waits; false when nothing of it could leave. */
  sendWaiting(): boolean {
    const waiting = this.#waiting;
    const piece = waiting?.[0];
    if (waiting === undefined || piece === undefined) return false;
    const isLast = waiting.length === 1 && this.#hasEnd && this.#trailers === '';
    const sent = this.#turns.send(this.id, this.#window, piece, 0, piece.length, isLast);
    if (sent === -1) return false;
    this.#window -= sent;
    this.#waitingBytes -= sent;
    if (sent < piece.length) waiting[0] = piece.subarray(sent);
    else {
      waiting.shift();
      if (isLast) this.isWhole = true;
      else if (waiting.length === 0 && this.#hasEnd) this.#sendEnd();
    }
    this.#watcher.sendMoved();
    if (this.#wasUnderPressure && this.#waitingBytes < PRESSURE_BYTES) {
      this.#wasUnderPressure = false;
      this.#watcher.sendDrained();
    }
    return true;
  }

  /** Nothing more of it is wanted. */
  drop(): void {
    this.isWhole = true;
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    this.#turns.forget(this);
  }

  /** False when the window would be larger than there may be. */
  growWindow(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= WINDOW_MAX;
  }

  #sendEnd(): void {
    this.isWhole = true;
    this.#turns.sendEnd(this.id, this.#trailers);
  }
}

const EMPTY = Buffer.alloc(0);
