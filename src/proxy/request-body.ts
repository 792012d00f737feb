import type { ClientSide, UpstreamSide } from './sides.js';

/** What an exchange asks of its request's body. */
export interface BodyOnItsWay {
  /** True while everything that came is here. */
  readonly isKept: boolean;
  readonly isWhole: boolean;
  data(bytes: Buffer, start: number, end: number): void;
  flush(): void;
  end(trailers: string): void;
  /** Sends what has come, and from now on what comes. The upstream has the head. */
  sendTo(side: UpstreamSide): void;
  /** The upstream is gone. */
  leave(): void;
  /** It won't be sent again. */
  drop(): void;
  resume(): void;
}

/** The body of a request that has none, as most have. */
export const NO_BODY: BodyOnItsWay = {
  isKept: true,
  isWhole: true,
  data() {},
  flush() {},
  end() {},
  sendTo: (side) => side.end(''),
  leave() {},
  drop() {},
  resume() {},
};

/**
 * A request's body on its way: kept as far as it may be needed for the first try or for another, and held up
 * while the upstream isn't there or is slow. What passes after an upgrade goes through here, too.
 */
export class RequestBody implements BodyOnItsWay {
  isKept = true;
  isWhole = false;
  readonly #client: ClientSide;
  readonly #keptBytesMax: number;
  #side: UpstreamSide | undefined;
  #pieces: Buffer[] | undefined;
  #keptBytes = 0;
  #trailers = '';
  #isPaused = false;

  constructor(client: ClientSide, keptBytesMax: number) {
    this.#client = client;
    this.#keptBytesMax = keptBytesMax;
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.isKept) this.#keep(bytes, start, end);
    this.#side?.data(bytes, start, end);
  }

  flush(): void {
    if (this.isWhole) return;
    const side = this.#side;
    if (side === undefined) {
      // What came is held, and no more is read.
      this.#pause();
      return;
    }
    side.flush();
    if (side.isUnderPressure) this.#pause();
  }

  end(trailers: string): void {
    this.isWhole = true;
    this.#trailers = trailers;
    this.#side?.end(trailers);
  }

  sendTo(side: UpstreamSide): void {
    if (this.#pieces !== undefined) for (const piece of this.#pieces) side.data(piece, 0, piece.length);
    if (this.#keptBytes > this.#keptBytesMax) this.drop();
    this.#side = side;
    if (this.isWhole) side.end(this.#trailers);
    else {
      side.flush();
      this.resume();
    }
  }

  leave(): void {
    this.#side = undefined;
  }

  drop(): void {
    this.isKept = false;
    this.#pieces = undefined;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#client.resume();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#client.pause();
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#keptBytes += end - start;
    // Before anything was sent it is needed whatever its size.
    if (this.#side === undefined || this.#keptBytes <= this.#keptBytesMax)
      (this.#pieces ??= []).push(Buffer.from(bytes.subarray(start, end)));
    else this.drop();
  }
}
