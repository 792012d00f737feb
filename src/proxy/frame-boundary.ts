/** 1012, service restart (https://www.iana.org/assignments/websocket): clients come again on their own. */
export const CLOSE_FRAME = Buffer.from([0x88, 0x02, 0x03, 0xf4]);

const CLOSE = 8;
const FRAME_HEAD_BYTES_MAX = 14;

/**
 * Where the frames of one direction of a WebSocket end (RFC 6455 §5.2). Heads alone are read; what frames
 * carry is skipped.
 */
export class FrameBoundary {
  /** Behind it, this direction carries no frames any more. */
  hasClosed = false;
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES_MAX);
  #headBytes = 0;
  /** Of the frame's body, still to come. */
  #left = 0;

  /** Between two frames. */
  get isAt(): boolean {
    return this.#left === 0 && this.#headBytes === 0;
  }

  /** Takes what has passed. */
  pass(bytes: Uint8Array, start: number, end: number): void {
    while (start < end) start = this.#step(bytes, start, end);
  }

  /** Takes up to the end of the frame that is under way; answers where that is, or `end`. */
  passFrame(bytes: Uint8Array, start: number, end: number): number {
    while (start < end && !this.isAt) start = this.#step(bytes, start, end);
    return start;
  }

  #step(bytes: Uint8Array, start: number, end: number): number {
    if (this.#left > 0) {
      const taken = Math.min(this.#left, end - start);
      this.#left -= taken;
      return start + taken;
    }
    this.#head[this.#headBytes++] = bytes[start]!;
    if (this.#headBytes >= 2 && this.#headBytes === headBytes(this.#head[1]!)) {
      if ((this.#head[0]! & 0x0f) === CLOSE) this.hasClosed = true;
      this.#left = bodyBytes(this.#head);
      this.#headBytes = 0;
    }
    return start + 1;
  }
}

function headBytes(second: number): number {
  const length = second & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4);
}

function bodyBytes(head: Uint8Array): number {
  const length = head[1]! & 0x7f;
  if (length < 126) return length;
  let bytes = 0;
  for (let at = 2; at < (length === 126 ? 4 : 10); at++) bytes = bytes * 256 + head[at]!;
  return bytes;
}
