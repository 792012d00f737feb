/** Names as sent, in the order sent. Texts are byte strings (latin1). */
export type Fields = readonly (readonly [name: string, value: string])[];

export interface Head {
  /** `GET / HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string;
  readonly fields: Fields;
  /** Every byte of the head as it arrived, with the blank line. */
  readonly bytes: string;
}

/** How a message's end is known. `raw`: no message any more, bytes (after a 101). */
export type Framing =
  | { kind: 'none' }
  | { kind: 'length'; length: number }
  | { kind: 'chunked' }
  | { kind: 'close' }
  | { kind: 'raw' };

export interface MessageEvents {
  head(head: Head): Framing;
  body(bytes: Buffer): void;
  end(trailers: Fields): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const CRLF = Buffer.from('\r\n');
const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Takes HTTP/1.1 messages apart, one after the other, as bytes arrive. It is for tests, so it is stricter
 * than any server: whatever the gateway must never send makes it throw.
 */
export class MessageReader {
  readonly #events: MessageEvents;
  #pending = EMPTY;
  #state: 'head' | 'sized' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'close' | 'raw' = 'head';
  #left = 0;

  constructor(events: MessageEvents) {
    this.#events = events;
  }

  /** True between two messages with no byte of the next. */
  get isIdle(): boolean {
    return this.#state === 'head' && this.#pending.length === 0;
  }

  push(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#step());
  }

  /** The other side ended. True when a message framed by that is complete now, or none was under way. */
  close(): boolean {
    if (this.#state === 'close') {
      this.#finish([]);
      return true;
    }
    return this.isIdle || this.#state === 'raw';
  }

  /** True when it should be called again at once. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#readHead();
      case 'sized':
      case 'chunk':
        return this.#readSized();
      case 'chunk-size': {
        const line = this.#line();
        if (line === undefined) return false;
        if (!/^[0-9a-f]{1,8}(;.*)?$/i.test(line))
          throw new Error(`Not a chunk size: ${JSON.stringify(line)}`);
        this.#left = Number.parseInt(line, 16);
        this.#state = this.#left === 0 ? 'trailers' : 'chunk';
        return true;
      }
      case 'chunk-end': {
        const line = this.#line();
        if (line === undefined) return false;
        if (line !== '') throw new Error(`A chunk longer than its size: ${JSON.stringify(line)}`);
        this.#state = 'chunk-size';
        return true;
      }
      case 'trailers':
        return this.#readTrailers();
      case 'close':
      case 'raw':
        if (this.#pending.length > 0) this.#events.body(this.#take(this.#pending.length));
        return false;
    }
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf(HEAD_END);
    if (end === -1) return false;
    const bytes = this.#take(end + HEAD_END.length).toString('latin1');
    const [startLine, ...lines] = bytes.slice(0, -4).split('\r\n');
    const framing = this.#events.head({ startLine: startLine!, fields: lines.map(readField), bytes });
    switch (framing.kind) {
      case 'none':
        this.#finish([]);
        return true;
      case 'length':
        this.#left = framing.length;
        this.#state = 'sized';
        if (framing.length === 0) this.#finish([]);
        return true;
      case 'chunked':
        this.#state = 'chunk-size';
        return true;
      default:
        this.#state = framing.kind;
        return true;
    }
  }

  #readSized(): boolean {
    if (this.#pending.length === 0) return false;
    const bytes = this.#take(Math.min(this.#left, this.#pending.length));
    this.#left -= bytes.length;
    this.#events.body(bytes);
    if (this.#left > 0) return false;
    if (this.#state === 'chunk') this.#state = 'chunk-end';
    else this.#finish([]);
    return true;
  }

  #readTrailers(): boolean {
    const isEmpty = this.#pending.length >= 2 && this.#pending.indexOf(CRLF) === 0;
    const end = isEmpty ? 0 : this.#pending.indexOf(HEAD_END);
    if (end === -1) return false;
    const text = this.#take(isEmpty ? CRLF.length : end + HEAD_END.length).toString('latin1');
    this.#finish(isEmpty ? [] : text.slice(0, -4).split('\r\n').map(readField));
    return true;
  }

  #finish(trailers: Fields): void {
    this.#state = 'head';
    this.#events.end(trailers);
  }

  #line(): string | undefined {
    const end = this.#pending.indexOf(CRLF);
    if (end === -1) return undefined;
    return this.#take(end + CRLF.length)
      .toString('latin1')
      .slice(0, -2);
  }

  #take(length: number): Buffer {
    const bytes = this.#pending.subarray(0, length);
    this.#pending = length === this.#pending.length ? EMPTY : this.#pending.subarray(length);
    return bytes;
  }
}

/** Every value of a field, by its name in any case. */
export function fieldValues(fields: Fields, name: string): string[] {
  const wanted = name.toLowerCase();
  return fields.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

/**
 * The framing that the fields of a message name; undefined where they name none. Throws where they
 * contradict.
 */
export function namedFraming(fields: Fields): Framing | undefined {
  const lengths = fieldValues(fields, 'content-length');
  const codings = fieldValues(fields, 'transfer-encoding');
  if (lengths.length + codings.length > 1)
    throw new Error(`Two framings in one head: ${JSON.stringify([...lengths, ...codings])}`);
  if (codings.length === 1) {
    if (codings[0]!.toLowerCase() !== 'chunked')
      throw new Error(`Not a framing: transfer-encoding ${JSON.stringify(codings[0])}`);
    return { kind: 'chunked' };
  }
  if (lengths.length === 0) return undefined;
  if (!/^\d{1,15}$/.test(lengths[0]!)) throw new Error(`Not a content-length: ${JSON.stringify(lengths[0])}`);
  return { kind: 'length', length: Number(lengths[0]) };
}

function readField(line: string): [string, string] {
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(line);
  if (match === null) throw new Error(`Not a header field: ${JSON.stringify(line)}`);
  return [match[1]!, match[2]!];
}
