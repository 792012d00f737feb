import { sendLater } from './turn.js';
import type { Wire } from './wire.js';

/**
 * Pieces up to this size are gathered into one text and written at once; larger ones are written as they are.
 */
const SMALL_BYTES = 8192;
/** Unsent bytes at which the other side is asked to wait. */
const PRESSURE_BYTES = 64 * 1024;

/**
 * The writing half of a connection: what one turn of the event loop gives rise to (a head, a small body,
 * chunk framing) leaves in one write, and the writes of all connections leave together when everything that
 * had come is read: see docs/decisions/writes-wait-for-the-turn.md. `flush` at the end of each read.
 */
export class Outlet {
  readonly wire: Wire;
  bytesOut = 0;
  #text = '';
  /** Bytes that the peer had taken when `progress` was asked last. */
  #takenBytes = -1;
  #isDue = false;
  #isEnding = false;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  text(text: string): void {
    this.bytesOut += text.length;
    this.#text = this.#text === '' ? text : this.#text + text;
  }

  bytes(bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size <= SMALL_BYTES) {
      this.text(bytes.toString('latin1', start, end));
      if (this.#text.length > SMALL_BYTES * 2) this.send();
      return;
    }
    this.bytesOut += size;
    const piece = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
    if (this.#text === '') {
      this.wire.write(piece);
      return;
    }
    this.wire.cork();
    this.send();
    this.wire.write(piece);
    this.wire.uncork();
  }

  /** Sends what was gathered, at the end of this turn. */
  flush(): void {
    if (this.#text !== '') this.#queue();
  }

  /** The same, and says that no more will come. */
  end(): void {
    this.#isEnding = true;
    this.#queue();
  }

  /** Sends what was gathered, and closes at once. */
  destroy(): void {
    this.send();
    this.wire.destroy();
  }

  /** Sends what was gathered, now. */
  send(): void {
    this.#isDue = false;
    if (this.#text !== '') {
      const text = this.#text;
      this.#text = '';
      this.wire.writeText(text);
    }
    if (this.#isEnding) this.wire.end();
  }

  #queue(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    sendLater(this);
  }

  /**
   * Asked when a time limit is reached: has the peer taken `all` that was written, `some` of it since the
   * question was asked last, or `nothing`? What buffers hold may drain without a word, so only looking tells,
   * and the first look has nothing to compare with: `some`.
   */
  progress(nowMs: number, limitMs: number): 'all' | 'some' | 'nothing' {
    const { wire } = this;
    const left = wire.bufferedBytes + (wire.heldBySystem?.(nowMs, limitMs / 10) ?? 0);
    if (left === 0) return 'all';
    const before = this.#takenBytes;
    this.#takenBytes = this.bytesOut - left;
    return this.#takenBytes === before ? 'nothing' : 'some';
  }

  /** So much waits for the peer, gathered or buffered, that nothing new should be begun for it. */
  get isFull(): boolean {
    if (this.#text.length + this.wire.bufferedBytes < PRESSURE_BYTES) return false;
    this.send();
    // From here on `onDrain` follows.
    return this.isUnderPressure;
  }

  /** The peer is slower than what comes in: wait for `onDrain`. */
  get isUnderPressure(): boolean {
    return this.wire.bufferedBytes >= PRESSURE_BYTES;
  }
}
