import { Allowance } from './allowance.js';
import { BlockReader } from './block-reader.js';
import { FrameReader, type FrameTaker } from './frame-reader.js';
import * as h2 from './frames.js';
import { ResponseBlock } from './response-block.js';
import type { Deadlines } from '../deadlines.js';
import type { Limits } from '../limits.js';

/** Frames that ask for work and bring nothing: so many at once, and so many a second. */
const IDLE_FRAMES_BURST = 2000;
const IDLE_FRAMES_PER_SECOND = 2000;

/** What an upstream's connection does about its frames, which are checked by then. */
export interface FrameEvents {
  readonly limits: Limits;
  /** Streams below this were opened. */
  readonly nextStream: number;
  onBlock(stream: number, block: ResponseBlock, hasEnded: boolean): void;
  /** `windowBytes`: with padding. */
  onData(
    stream: number,
    bytes: Buffer,
    start: number,
    end: number,
    windowBytes: number,
    hasEnded: boolean,
  ): void;
  onReset(stream: number, code: number): void;
  onSettings(bytes: Buffer, start: number, end: number): void;
  onPing(payload: string): void;
  onPingAnswer(): void;
  onGoAway(lastStream: number, code: number): void;
  /** False: nothing waited for it. */
  onWindow(stream: number, bytes: number): boolean;
  /** The upstream has broken the rules for the whole connection, or costs too much (RFC 9113 §5.4.1). */
  onBroken(code: number): void;
  /** What came first is no HTTP/2. */
  onForeign(): void;
}

/** Reads the frames of an upstream and holds them against the rules of RFC 9113. */
export class UpstreamFrames implements FrameTaker {
  readonly #events: FrameEvents;
  readonly #reader = new FrameReader(this);
  readonly #blocks = new BlockReader((bytesMax) => new ResponseBlock(bytesMax));
  readonly #idleFrames: Allowance;
  #hasSettings = false;
  #isOver = false;

  constructor(events: FrameEvents, deadlines: Deadlines) {
    this.#events = events;
    this.#idleFrames = new Allowance(IDLE_FRAMES_BURST, IDLE_FRAMES_PER_SECOND, deadlines);
  }

  read(bytes: Buffer, start: number, end: number): void {
    if (!this.#isOver) this.#reader.read(bytes, start, end);
  }

  /** Part of a header block is held, in the memory that it was read into. */
  get isInBlock(): boolean {
    return this.#blocks.isOpen;
  }

  /** Nothing more is wanted. */
  stop(): void {
    this.#isOver = true;
  }

  /** Counts what came for nothing. */
  spend(): boolean {
    return this.#idleFrames.spend() || this.#fail(h2.ENHANCE_YOUR_CALM);
  }

  frameTooLarge(): void {
    if (this.#hasSettings) this.#fail(h2.FRAME_SIZE_ERROR);
    else this.#foreign();
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    // A server's connection begins with its SETTINGS (RFC 9113 §3.4).
    if (!this.#hasSettings && (type !== h2.SETTINGS || (flags & h2.ACK) !== 0 || id !== 0))
      return this.#foreign();
    if (!this.#blocks.mayFollow(type, id)) return this.#fail(h2.PROTOCOL_ERROR);
    switch (type) {
      case h2.DATA:
        return this.#onData(flags, id, bytes, start, end);
      case h2.HEADERS:
        return this.#onHeaders(flags, id, bytes, start, end);
      case h2.CONTINUATION:
        if (!this.#blocks.add(bytes, start, end)) return this.#fail(h2.ENHANCE_YOUR_CALM);
        return (flags & h2.END_HEADERS) === 0 || this.#onBlock();
      case h2.PRIORITY:
        if (id === 0) return this.#fail(h2.PROTOCOL_ERROR);
        return end - start === 5 ? this.spend() : this.#fail(h2.FRAME_SIZE_ERROR);
      case h2.RST_STREAM:
        if (!this.#wasOpened(id)) return this.#fail(h2.PROTOCOL_ERROR);
        if (end - start !== 4) return this.#fail(h2.FRAME_SIZE_ERROR);
        this.#events.onReset(id, bytes.readUInt32BE(start));
        return this.spend();
      case h2.SETTINGS:
        return this.#onSettings(flags, id, bytes, start, end);
      case h2.PING:
        if (id !== 0) return this.#fail(h2.PROTOCOL_ERROR);
        if (end - start !== 8) return this.#fail(h2.FRAME_SIZE_ERROR);
        if ((flags & h2.ACK) === 0) this.#events.onPing(bytes.toString('latin1', start, end));
        else this.#events.onPingAnswer();
        return this.spend();
      case h2.GOAWAY:
        if (id !== 0) return this.#fail(h2.PROTOCOL_ERROR);
        if (end - start < 8) return this.#fail(h2.FRAME_SIZE_ERROR);
        this.#events.onGoAway(bytes.readUInt32BE(start) & 0x7fffffff, bytes.readUInt32BE(start + 4));
        return this.spend();
      case h2.WINDOW_UPDATE: {
        if (end - start !== 4) return this.#fail(h2.FRAME_SIZE_ERROR);
        if (id !== 0 && !this.#wasOpened(id)) return this.#fail(h2.PROTOCOL_ERROR);
        const wasOfUse = this.#events.onWindow(id, bytes.readUInt32BE(start) & 0x7fffffff);
        return wasOfUse ? !this.#isOver : this.spend();
      }
      case h2.PUSH_PROMISE:
        // We have said that we take none (RFC 9113 §8.4).
        return this.#fail(h2.PROTOCOL_ERROR);
      default:
        // Unknown types are ignored (RFC 9113 §5.5).
        return this.spend();
    }
  }

  #wasOpened(id: number): boolean {
    return id % 2 === 1 && id < this.#events.nextStream;
  }

  #fail(code: number): false {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#events.onBroken(code);
    return false;
  }

  #foreign(): false {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#events.onForeign();
    return false;
  }

  #onData(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#wasOpened(id)) return this.#fail(h2.PROTOCOL_ERROR);
    const windowBytes = end - start;
    if ((flags & h2.PADDED) !== 0) {
      const padding = windowBytes === 0 ? 0 : bytes[start]!;
      if (padding >= windowBytes) return this.#fail(h2.PROTOCOL_ERROR);
      start++;
      end -= padding;
    }
    const hasEnded = (flags & h2.END_STREAM) !== 0;
    if (start === end && !hasEnded && !this.spend()) return false;
    this.#events.onData(id, bytes, start, end, windowBytes, hasEnded);
    return !this.#isOver;
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#wasOpened(id)) return this.#fail(h2.PROTOCOL_ERROR);
    let padding = 0;
    if ((flags & h2.PADDED) !== 0) padding = start < end ? bytes[start++]! : 1;
    if ((flags & h2.WITH_PRIORITY) !== 0) start += 5;
    if (start + padding > end) return this.#fail(h2.PROTOCOL_ERROR);
    const { headBytesMax, continuationsMax } = this.#events.limits;
    this.#blocks.begin(id, (flags & h2.END_STREAM) !== 0, headBytesMax, continuationsMax);
    if (!this.#blocks.add(bytes, start, end - padding)) return this.#fail(h2.ENHANCE_YOUR_CALM);
    return (flags & h2.END_HEADERS) === 0 || this.#onBlock();
  }

  /** A header block is whole. It is decoded in any case, for the sake of its table. */
  #onBlock(): boolean {
    const block = this.#blocks.end();
    if (block === undefined) return this.#fail(h2.COMPRESSION_ERROR);
    this.#events.onBlock(this.#blocks.stream, block, this.#blocks.hasEnded);
    return !this.#isOver;
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id !== 0) return this.#fail(h2.PROTOCOL_ERROR);
    if ((flags & h2.ACK) !== 0) return end === start ? this.spend() : this.#fail(h2.FRAME_SIZE_ERROR);
    this.#hasSettings = true;
    this.#events.onSettings(bytes, start, end);
    return this.spend();
  }
}
