import { BodyReader } from './http1/body-reader.js';
import type { ChunkSink } from './http1/chunked.js';
import type { ClientSide } from './client-side.js';
import type { UpstreamConnection } from './upstream-connection.js';

/** What an exchange asks of its request's body. */
export interface BodyOnItsWay {
  /** True while everything that came is here, framed as it is sent. */
  readonly isKept: boolean;
  readonly isWhole: boolean;
  readonly isBroken: boolean;
  /** Bytes of data so far, without framing. */
  readonly dataBytes: number;
  /** Takes what belongs to it; answers where it ends. */
  read(bytes: Buffer, start: number, end: number): number;
  /** Sends what has come, and from now on what comes. */
  sendTo(connection: UpstreamConnection): void;
  /** The upstream is gone. */
  leave(): void;
  /** It won't be sent again. */
  drop(): void;
  pause(): void;
  resume(): void;
}

/** The body of a request that has none, as most have. */
export const NO_BODY: BodyOnItsWay = {
  isKept: true,
  isWhole: true,
  isBroken: false,
  dataBytes: 0,
  read: (_bytes, start) => start,
  sendTo(connection) {
    connection.outlet.flush();
    connection.requestSent();
  },
  leave() {},
  drop() {},
  pause() {},
  resume() {},
};

/**
 * A request's body on its way: framed, kept as far as it may be needed for the first try or for another, and
 * held up while the upstream isn't there or is slow.
 */
export class RequestBody implements BodyOnItsWay, ChunkSink {
  isKept = true;
  readonly #reader: BodyReader;
  readonly #client: ClientSide;
  readonly #keptBytesMax: number;
  /** Where it goes; it has the head. */
  #connection: UpstreamConnection | undefined;
  #pieces: Buffer[] | undefined;
  #keptBytes = 0;
  #isPaused = false;

  constructor(bodyBytes: number, client: ClientSide, keptBytesMax: number) {
    this.#reader = new BodyReader(bodyBytes, this);
    this.#client = client;
    this.#keptBytesMax = keptBytesMax;
  }

  get isWhole(): boolean {
    return this.#reader.isWhole;
  }
  get isBroken(): boolean {
    return this.#reader.isBroken;
  }
  get dataBytes(): number {
    return this.#reader.dataBytes;
  }

  read(bytes: Buffer, start: number, end: number): number {
    const stop = this.#reader.read(bytes, start, end);
    if (!this.isBroken) this.#moved();
    return stop;
  }

  chunkBytes(bytes: Buffer, start: number, end: number): void {
    if (this.isKept) this.#keep(bytes, start, end);
    this.#connection?.outlet.bytes(bytes, start, end);
  }

  chunkText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.chunkBytes(bytes, 0, bytes.length);
  }

  sendTo(connection: UpstreamConnection): void {
    const { outlet } = connection;
    if (this.#pieces !== undefined) for (const piece of this.#pieces) outlet.bytes(piece, 0, piece.length);
    outlet.flush();
    if (this.#keptBytes > this.#keptBytesMax) this.drop();
    this.#connection = connection;
    if (this.isWhole) connection.requestSent();
    else this.resume();
  }

  leave(): void {
    this.#connection = undefined;
  }

  drop(): void {
    this.isKept = false;
    this.#pieces = undefined;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#client.pauseRequest();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#client.resumeRequest();
  }

  #moved(): void {
    const connection = this.#connection;
    if (connection === undefined) {
      // What came is held, and no more is read.
      if (!this.isWhole) this.pause();
      return;
    }
    connection.outlet.flush();
    if (this.isWhole) connection.requestSent();
    else {
      connection.requestMoved();
      if (connection.outlet.isUnderPressure) this.pause();
    }
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#keptBytes += end - start;
    // Before anything was sent it is needed whatever its size.
    if (this.#connection === undefined || this.#keptBytes <= this.#keptBytesMax)
      (this.#pieces ??= []).push(Buffer.from(bytes.subarray(start, end)));
    else this.drop();
  }
}
