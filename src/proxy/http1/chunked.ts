import { CHARS, CR, LF, VALUE } from './chars.js';
import {
  CONTENT_LENGTH,
  COOKIE,
  EXPOSED,
  FORWARDED,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PROTO,
  HOST,
  KEEP_ALIVE,
  CONNECTION,
  HOP,
  REAL_IP,
  REQUEST_ID,
  TRAILER,
  TRANSFER_ENCODING,
  UPGRADE,
  EXPECT,
  Fields,
  keptLines,
  kinds,
} from './fields.js';

/** Takes what a chunked body is made of. */
export interface ChunkSink {
  /** Bytes to pass on. */
  chunkBytes(bytes: Buffer, start: number, end: number): void;
  /** Framing to pass on. */
  chunkText(text: string): void;
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

/** What a trailer may not bring in late: framing, routing, who is asking (RFC 9110 §6.5.1). */
const NOT_TRAILERS = kinds(
  HOST,
  CONNECTION,
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  UPGRADE,
  HOP,
  KEEP_ALIVE,
  TRAILER,
  EXPECT,
  COOKIE,
  FORWARDED,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PROTO,
  REAL_IP,
  REQUEST_ID,
  EXPOSED,
);
const NOT_TRAILER_NAMES = [
  'authorization',
  'set-cookie',
  'cache-control',
  'content-type',
  'content-encoding',
  'content-range',
  'location',
  'vary',
  'age',
  'date',
  'expires',
];

const fields = new Fields();

/**
 * Reads a chunked body (RFC 9112 §7.1) as it comes and passes on what is checked. It finds the end and
 * nothing else: data is neither copied nor looked at. Chunks go on as they came, in one piece with their size
 * lines where they arrived so; extensions are left out (no hop may rely on them, and requests have been
 * smuggled in them); the last chunk and the trailers are written anew.
 */
export class ChunkedReader {
  state = SIZE;
  /** Bytes of data so far, without framing. */
  dataBytes = 0;
  readonly #keepsFraming: boolean;
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailers = '';

  /** `keepsFraming: false` passes on the data alone, for a client that can't read chunks. */
  constructor(keepsFraming: boolean) {
    this.#keepsFraming = keepsFraming;
  }

  /**
   * Reads on; returns where it stopped: `end`, or behind the body once `state` is DONE. At BROKEN the rest is
   * of no use.
   */
  read(bytes: Buffer, start: number, end: number, sink: ChunkSink): number {
    let at = start;
    // What can go on in one piece starts here; -1: nothing yet.
    let from = this.#keepsFraming && this.state >= DATA && this.state <= DATA_LF ? start : -1;
    let sizeStart = at;
    while (at < end) {
      switch (this.state) {
        case SIZE: {
          if (this.#digits === 0) sizeStart = at;
          const digit = hexDigit(bytes[at]!);
          if (digit !== -1) {
            if (++this.#digits > SIZE_DIGITS_MAX) return this.#break(end);
            this.#size = this.#size * 16 + digit;
            at++;
            break;
          }
          if (this.#digits === 0) return this.#break(end);
          const byte = bytes[at++]!;
          if (byte === CR) this.state = SIZE_LF;
          else if (byte === 0x3b) {
            // Everything before this size line goes on; the line itself is written anew.
            if (from !== -1 && from < sizeStart) sink.chunkBytes(bytes, from, sizeStart);
            from = -1;
            sizeStart = -1;
            this.#extensionBytes = 0;
            this.state = EXTENSION;
          } else return this.#break(end);
          break;
        }
        case EXTENSION: {
          const byte = bytes[at++]!;
          if (byte === CR) this.state = SIZE_LF;
          else if ((CHARS[byte]! & VALUE) === 0 || ++this.#extensionBytes > EXTENSION_BYTES_MAX)
            return this.#break(end);
          break;
        }
        case SIZE_LF:
          if (bytes[at++] !== LF) return this.#break(end);
          this.#digits = 0;
          if (this.#size === 0) {
            if (from !== -1 && from < sizeStart) sink.chunkBytes(bytes, from, sizeStart);
            from = -1;
            this.#trailers = '';
            this.state = TRAILERS;
            break;
          }
          this.dataBytes += this.#size;
          if (!this.#keepsFraming) from = at;
          else if (from === -1) {
            if (sizeStart >= start && sizeStart !== -1 && this.#isFresh(bytes, sizeStart, at))
              from = sizeStart;
            else {
              sink.chunkText(`${this.#size.toString(16)}\r\n`);
              from = at;
            }
          }
          this.state = DATA;
          break;
        case DATA: {
          if (!this.#keepsFraming && from === -1) from = at;
          const take = Math.min(this.#size, end - at);
          at += take;
          this.#size -= take;
          if (this.#size === 0) {
            if (!this.#keepsFraming) {
              sink.chunkBytes(bytes, from, at);
              from = -1;
            }
            this.state = DATA_CR;
          }
          break;
        }
        case DATA_CR:
          if (bytes[at++] !== CR) return this.#break(end);
          this.state = DATA_LF;
          break;
        case DATA_LF:
          if (bytes[at++] !== LF) return this.#break(end);
          this.state = SIZE;
          break;
        case TRAILERS: {
          const stop = bytes.indexOf(LF, at);
          const lineEnd = stop === -1 || stop >= end ? end : stop + 1;
          this.#trailers += bytes.toString('latin1', at, lineEnd);
          at = lineEnd;
          if (this.#trailers.length > TRAILER_BYTES_MAX) return this.#break(end);
          if (lineEnd === end && bytes[end - 1] !== LF) break;
          if (this.#trailers === '\r\n' || this.#trailers.endsWith('\r\n\r\n'))
            return this.#finish(at, end, sink);
          if (!this.#trailers.endsWith('\r\n')) return this.#break(end);
          break;
        }
        default:
          return at;
      }
    }
    if (from === -1) return at;
    // A size line cut by the end of the read waits for its rest, since it may turn out to be the last
    // chunk's.
    const stop = (this.state === SIZE && this.#digits > 0) || this.state === SIZE_LF ? sizeStart : at;
    if (stop > from) sink.chunkBytes(bytes, from, stop);
    return at;
  }

  /** A size line stands whole in this read (its digits were not begun in an earlier one). */
  #isFresh(bytes: Buffer, sizeStart: number, dataStart: number): boolean {
    return Number.parseInt(bytes.toString('latin1', sizeStart, dataStart - 2), 16) === this.#size;
  }

  #finish(at: number, end: number, sink: ChunkSink): number {
    const text = this.#trailers;
    this.state = DONE;
    if (!this.#keepsFraming) return at;
    if (text.length === 2) {
      sink.chunkText('0\r\n\r\n');
      return at;
    }
    const bytes = Buffer.from(text, 'latin1');
    if (fields.parse(bytes, 0, bytes.length - 2, 0, 32) !== undefined) return this.#break(end);
    sink.chunkText(
      `0\r\n${keptLines(text, fields, 0, text.length - 2, NOT_TRAILERS, NOT_TRAILER_NAMES)}\r\n`,
    );
    return at;
  }

  #break(end: number): number {
    this.state = BROKEN;
    return end;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
