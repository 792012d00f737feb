import { CHARS, CR, LF, SPACE, TAB, VALUE } from './chars.js';
import { passedTrailers } from './trailers.js';

/** Takes what a chunked body is made of. */
export interface ChunkSink {
  /** Bytes to pass on: data, or chunks without the last one. */
  chunkBytes(bytes: Buffer, start: number, end: number): void;
  /** The body is whole. */
  chunkEnd(trailers: string): void;
}

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILERS = 6;
export const DONE = 7;
export const BROKEN = 8;

/** 13 hexadecimal digits are 2^52 bytes; more could be read differently by a hop with other integers. */
const SIZE_DIGITS_MAX = 13;
const EXTENSION_BYTES_MAX = 256;
const TRAILER_BYTES_MAX = 8192;
const SEMICOLON = 0x3b;

/**
 * What is wrong with a chunked body. Public: it stands in the access log and in the answer. `chunk-blank`: a
 * blank beside a size, which some servers write and others read as they please; `chunk-line`: a line that
 * doesn't end in CRLF; `chunk-end`: data longer than its size, or without its CRLF.
 */
export type ChunkFault =
  'chunk-size' | 'chunk-blank' | 'chunk-line' | 'chunk-extension' | 'chunk-end' | 'chunk-trailer';

/**
 * Reads a chunked body (RFC 9112 §7.1) as it comes and passes on what is checked. The data itself is neither
 * copied nor looked at. A line is judged when it is whole, and only then does any of it go on: the reads that
 * brought its bytes make no difference to what is passed on. A size line goes on as it came when it stands
 * whole in one read and has our own spelling of its size, so that chunks go on in one piece; every other size
 * line is written anew. Extensions are left out (no hop may rely on them, and requests have been smuggled in
 * them); the last chunk and the trailers are always written anew.
 */
export class ChunkedReader {
  state = SIZE;
  /** Bytes of data so far, without framing. */
  dataBytes = 0;
  /** Said once `state` is BROKEN. */
  fault: ChunkFault = 'chunk-size';
  readonly #keepsFraming: boolean;
  #size = 0;
  #digits = 0;
  /** The digits so far are our own spelling of the size: lower case, without a zero in front. */
  #isPlain = true;
  #extensionBytes = 0;
  #trailers = '';

  /** `keepsFraming: false` passes on the data alone, for a receiver that frames it otherwise. */
  constructor(keepsFraming: boolean) {
    this.#keepsFraming = keepsFraming;
  }

  /**
   * Reads on; returns where it stopped: `end`, or behind the body once `state` is DONE. At BROKEN the rest is
   * of no use.
   */
  read(bytes: Buffer, start: number, end: number, sink: ChunkSink): number {
    const keepsFraming = this.#keepsFraming;
    let at = start;
    // What is checked and can go on in one piece starts here; -1: nothing yet.
    let from = this.state === DATA || (keepsFraming && this.state === DATA_CR) ? start : -1;
    // Where the line that is being read began; -1: in an earlier read.
    let lineStart = -1;
    while (at < end) {
      switch (this.state) {
        case SIZE: {
          const byte = bytes[at]!;
          const digit = hexDigit(byte);
          if (digit !== -1) {
            if (this.#digits === 0) {
              lineStart = at;
              this.#isPlain = digit !== 0;
            }
            if (byte >= 0x41 && byte <= 0x46) this.#isPlain = false;
            if (++this.#digits > SIZE_DIGITS_MAX) return this.#break('chunk-size', end);
            this.#size = this.#size * 16 + digit;
          } else if (this.#digits === 0) return this.#break(sizeFault(byte), end);
          else if (byte === CR) this.state = SIZE_LF;
          else if (byte === SEMICOLON) {
            this.#isPlain = false;
            this.#extensionBytes = 0;
            this.state = EXTENSION;
          } else return this.#break(sizeFault(byte), end);
          at++;
          break;
        }
        case EXTENSION: {
          const byte = bytes[at++]!;
          if (byte === CR) this.state = SIZE_LF;
          else if ((CHARS[byte]! & VALUE) === 0 || ++this.#extensionBytes > EXTENSION_BYTES_MAX)
            return this.#break(byte === LF ? 'chunk-line' : 'chunk-extension', end);
          break;
        }
        case SIZE_LF:
          if (bytes[at++] !== LF) return this.#break('chunk-line', end);
          this.#digits = 0;
          if (this.#size === 0) {
            if (from !== -1 && from < lineStart) sink.chunkBytes(bytes, from, lineStart);
            from = -1;
            this.#trailers = '';
            this.state = TRAILERS;
            break;
          }
          this.dataBytes += this.#size;
          if (!keepsFraming) from = at;
          else if (lineStart !== -1 && this.#isPlain) {
            // From the first of its digits to this LF the line was checked in this read, byte for byte.
            if (from === -1) from = lineStart;
          } else {
            if (from !== -1 && from < lineStart) sink.chunkBytes(bytes, from, lineStart);
            passOn(sink, `${this.#size.toString(16)}\r\n`);
            from = at;
          }
          this.state = DATA;
          break;
        case DATA: {
          const take = Math.min(this.#size, end - at);
          at += take;
          this.#size -= take;
          if (this.#size > 0) break;
          if (!keepsFraming) {
            sink.chunkBytes(bytes, from, at);
            from = -1;
          }
          this.state = DATA_CR;
          break;
        }
        case DATA_CR:
          if (bytes[at] !== CR) return this.#break('chunk-end', end);
          lineStart = at++;
          this.state = DATA_LF;
          break;
        case DATA_LF:
          if (bytes[at] !== LF) return this.#break('chunk-end', end);
          at++;
          // Its CR came in an earlier read and was kept back.
          if (keepsFraming && from === -1) passOn(sink, '\r\n');
          lineStart = -1;
          this.state = SIZE;
          break;
        case TRAILERS: {
          const stop = bytes.indexOf(LF, at);
          const lineEnd = stop === -1 || stop >= end ? end : stop + 1;
          this.#trailers += bytes.toString('latin1', at, lineEnd);
          at = lineEnd;
          if (this.#trailers.length > TRAILER_BYTES_MAX) return this.#break('chunk-trailer', end);
          if (lineEnd === end && bytes[end - 1] !== LF) break;
          if (this.#trailers === '\r\n' || this.#trailers.endsWith('\r\n\r\n'))
            return this.#finish(at, end, sink);
          if (!this.#trailers.endsWith('\r\n')) return this.#break('chunk-trailer', end);
          break;
        }
        default:
          return at;
      }
    }
    if (from === -1) return at;
    // A line that isn't whole stays back: a size line may turn out to be the last chunk's.
    const isInLine = this.state === DATA_LF || this.state === SIZE_LF || this.state === EXTENSION;
    const stop = isInLine || (this.state === SIZE && this.#digits > 0) ? lineStart : at;
    if (stop > from) sink.chunkBytes(bytes, from, stop);
    return at;
  }

  #finish(at: number, end: number, sink: ChunkSink): number {
    const passed = passedTrailers(this.#trailers);
    if (passed === undefined) return this.#break('chunk-trailer', end);
    this.state = DONE;
    sink.chunkEnd(passed);
    return at;
  }

  #break(fault: ChunkFault, end: number): number {
    this.fault = fault;
    this.state = BROKEN;
    return end;
  }
}

function passOn(sink: ChunkSink, framing: string): void {
  sink.chunkBytes(Buffer.from(framing, 'latin1'), 0, framing.length);
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function sizeFault(byte: number): ChunkFault {
  if (byte === SPACE || byte === TAB) return 'chunk-blank';
  return byte === LF ? 'chunk-line' : 'chunk-size';
}
