import type { Timed } from '../deadlines.js';
import type { Exchange } from '../exchange.js';
import { reasonPhrase } from '../http1/reason.js';
import type { AnswerHead, Belonging, ClientSide, Refusal } from '../sides.js';
import type { Beginner } from '../turn.js';
import { encodeField, encodeLines } from './hpack-encoder.js';
import {
  CANCEL,
  FLOW_CONTROL_ERROR,
  INTERNAL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  WINDOW_MAX,
} from './frames.js';

/** What a client may send of a request's body before it is credited. */
export const STREAM_WINDOW = 128 * 1024;

/** Unsent bytes of an answer at which its upstream is asked to wait. */
const PRESSURE_BYTES = 32 * 1024;

/** The connection as its streams see it. */
export interface StreamGround {
  readonly bodyIdleMs: number;
  after(ms: number): number;
  watch(timed: Timed): void;
  unwatch(timed: Timed): void;
  sendHeaders(stream: number, block: string, isEnd: boolean): number;
  /** Sends one DATA frame of what the windows let pass; answers how many bytes, -1: none. */
  sendData(stream: Http2Stream, bytes: Buffer, start: number, end: number, isEnd: boolean): number;
  sendReset(stream: number, code: number): void;
  sendWindow(stream: number, bytes: number): void;
  /** The stream has data that waits for a window. */
  wait(stream: Http2Stream): void;
  flush(): boolean;
  /** Neither side needs it any more. */
  closed(stream: Http2Stream): void;
}

/** One request over HTTP/2 and its answer: the client's side of one exchange. */
export class Http2Stream implements ClientSide, Timed, Beginner {
  readonly id: number;
  deadlineAt = Infinity;
  loggedIn: Belonging | undefined;
  exchange: Exchange | undefined;
  requestBytes = 0;
  answeredBytes = 0;
  /** What the client still takes of the answer. */
  sendWindow: number;

  readonly #ground: StreamGround;
  readonly #isHeadRequest: boolean;
  /** What the client announced of its body; below 0: nothing. */
  readonly #bodyBytes: number;
  #isRequestWhole: boolean;
  #isPaused = false;
  #receiveWindow = STREAM_WINDOW;
  #uncredited = 0;

  #hasHead = false;
  /** What the answer still lacks; below 0: not known. */
  #left = -1;
  /** Data that waits for a window, in order. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** What follows the waiting data: the end with its trailers, or a reset. */
  #ending: 'open' | 'end' | 'cut' = 'open';
  #trailers = '';
  #isAnswerOver = false;
  #isUnderPressure = false;

  constructor(
    ground: StreamGround,
    id: number,
    sendWindow: number,
    isHeadRequest: boolean,
    bodyBytes: number,
  ) {
    this.#ground = ground;
    this.id = id;
    this.sendWindow = sendWindow;
    this.#isHeadRequest = isHeadRequest;
    this.#bodyBytes = bodyBytes;
    this.#isRequestWhole = bodyBytes === 0;
    if (!this.#isRequestWhole) {
      ground.watch(this);
      this.#touch();
    }
  }

  get isWaiting(): boolean {
    return this.#waitingBytes > 0;
  }

  get isRequestWhole(): boolean {
    return this.#isRequestWhole;
  }

  begin(): void {
    this.exchange?.start();
  }

  // ---- The request, from the client ----

  /** HEADERS came with END_STREAM, or an empty DATA frame ends a body that was announced as empty. */
  markRequestWhole(): void {
    this.#isRequestWhole = true;
    this.#touch();
  }

  /** `windowBytes`: with padding. False: the stream is at fault and was reset. */
  requestData(bytes: Buffer, start: number, end: number, windowBytes: number, isEnd: boolean): void {
    this.#receiveWindow -= windowBytes;
    if (this.#receiveWindow < 0) return this.fail(FLOW_CONTROL_ERROR);
    this.requestBytes += end - start;
    if (this.#bodyBytes >= 0 && this.requestBytes > this.#bodyBytes) return this.fail(PROTOCOL_ERROR);
    if (isEnd && !this.#isLengthRight) return this.fail(PROTOCOL_ERROR);
    const { exchange } = this;
    if (exchange !== undefined && end > start) exchange.requestData(bytes, start, end);
    this.#uncredited += windowBytes;
    if (isEnd) this.requestEnd('');
    else {
      exchange?.requestFlush();
      this.#credit();
      this.#touch();
    }
  }

  /** Trailers have ended the request. */
  requestEnd(trailers: string): void {
    if (!this.#isLengthRight) return this.fail(PROTOCOL_ERROR);
    this.markRequestWhole();
    if (this.#bodyBytes !== 0) this.exchange?.requestEnd(trailers);
    this.exchange?.requestFlush();
    this.#settle();
  }

  get #isLengthRight(): boolean {
    return this.#bodyBytes < 0 || this.requestBytes === this.#bodyBytes;
  }

  /** The client has broken the rules on this stream, or we end it. */
  fail(code: number): void {
    this.#ground.sendReset(this.id, code);
    this.gone();
  }

  /** The client has reset the stream, or has gone. */
  gone(): void {
    this.#isAnswerOver = true;
    this.#isRequestWhole = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const { exchange } = this;
    this.exchange = undefined;
    exchange?.clientClosed(true);
    this.#settle();
  }

  pause(): void {
    this.#isPaused = true;
    this.#touch();
  }

  resume(): void {
    this.#isPaused = false;
    this.#credit();
    this.#touch();
  }

  /** The client may send again what its upstream has taken. */
  #credit(): void {
    if (this.#isPaused || this.#isRequestWhole || this.#uncredited < STREAM_WINDOW / 2) return;
    this.#ground.sendWindow(this.id, this.#uncredited);
    this.#receiveWindow += this.#uncredited;
    this.#uncredited = 0;
    this.#ground.flush();
  }

  // ---- The answer (ClientSide) ----

  get isUnderPressure(): boolean {
    this.#isUnderPressure = this.#waitingBytes >= PRESSURE_BYTES;
    return this.#isUnderPressure;
  }

  interim(head: AnswerHead): void {
    if (this.#isAnswerOver) return;
    const block = encodeField(':status', String(head.status)) + encodeLines(head.fields);
    this.answeredBytes += this.#ground.sendHeaders(this.id, block, false);
    this.#ground.flush();
  }

  head(head: AnswerHead, added: string): void {
    // Frames have no chunks in them.
    head.inChunks = false;
    this.#head(head.status, head.fields + added, this.#isHeadRequest ? 0 : head.bodyBytes);
  }

  upgraded(): void {
    // No request over HTTP/2 asks for an upgrade (RFC 9113 §8.6).
    this.abort();
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#isAnswerOver || this.#ending !== 'open' || start === end) return;
    if (this.#left >= 0) this.#left -= end - start;
    const isEnd = this.#left === 0;
    if (this.#waitingBytes === 0) start = this.#send(bytes, start, end, isEnd);
    if (start < end) {
      this.#waiting.push(Buffer.from(bytes.subarray(start, end)));
      this.#waitingBytes += end - start;
      if (isEnd) this.#ending = 'end';
      this.#ground.wait(this);
      this.#ground.watch(this);
      this.#touch();
    } else if (isEnd) this.#isAnswerOver = true;
  }

  flush(): boolean {
    return this.#ground.flush();
  }

  end(trailers: string): void {
    if (this.#isAnswerOver || this.#ending !== 'open') return;
    this.#ending = 'end';
    this.#trailers = trailers;
    if (this.#waitingBytes === 0) this.#sendEnd();
    this.#ground.flush();
  }

  refuse(refusal: Refusal): void {
    const { status, code, fields } = refusal;
    const body = Buffer.from(`${status} ${reasonPhrase(status)}: ${code}\n`, 'latin1');
    const own = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length}\r\ncache-control: no-store\r\n`;
    this.#head(status, own + fields, this.#isHeadRequest ? 0 : body.length);
    this.data(body, 0, body.length);
    this.#ground.flush();
  }

  /** What waits still leaves; then a reset shows that the answer isn't whole. */
  abort(): void {
    if (this.#isAnswerOver || this.#ending !== 'open') return;
    this.#ending = 'cut';
    if (this.#waitingBytes === 0) this.#sendEnd();
    this.#ground.flush();
  }

  over(): void {
    this.exchange = undefined;
    this.loggedIn?.end();
    this.loggedIn = undefined;
    this.#settle();
  }

  #head(status: number, fields: string, bodyBytes: number): void {
    if (this.#isAnswerOver || this.#hasHead) return;
    this.#hasHead = true;
    this.#left = bodyBytes;
    const isEnd = bodyBytes === 0;
    const block = encodeField(':status', String(status)) + encodeLines(fields);
    this.answeredBytes += this.#ground.sendHeaders(this.id, block, isEnd);
    if (isEnd) this.#isAnswerOver = true;
  }

  /** Sends what the windows let pass; answers where the rest begins. */
  #send(bytes: Buffer, start: number, end: number, isEnd: boolean): number {
    while (start < end) {
      const sent = this.#ground.sendData(this, bytes, start, end, isEnd);
      if (sent === -1) break;
      this.answeredBytes += sent;
      start += sent;
    }
    return start;
  }

  /** One turn of sending what waits; false when nothing of it could leave. */
  sendWaiting(): boolean {
    const piece = this.#waiting[0];
    if (piece === undefined) return false;
    const isLast = this.#waiting.length === 1 && this.#ending === 'end' && this.#trailers === '';
    const sent = this.#ground.sendData(this, piece, 0, piece.length, isLast);
    if (sent === -1) return false;
    this.answeredBytes += sent;
    this.#waitingBytes -= sent;
    if (sent < piece.length) this.#waiting[0] = piece.subarray(sent);
    else {
      this.#waiting.shift();
      if (isLast) this.#isAnswerOver = true;
      else if (this.#waiting.length === 0 && this.#ending !== 'open') this.#sendEnd();
    }
    this.#touch();
    if (this.#isUnderPressure && this.#waitingBytes < PRESSURE_BYTES) {
      this.#isUnderPressure = false;
      this.exchange?.clientDrained();
    }
    this.#settle();
    return true;
  }

  #sendEnd(): void {
    this.#isAnswerOver = true;
    if (this.#ending === 'cut') {
      this.#ground.sendReset(this.id, INTERNAL_ERROR);
      this.#isRequestWhole = true;
    } else if (this.#trailers === '') this.#ground.sendData(this, EMPTY, 0, 0, true);
    else this.answeredBytes += this.#ground.sendHeaders(this.id, encodeLines(this.#trailers), true);
  }

  /** Forgets the stream once nothing of it is under way. */
  #settle(): void {
    if (this.exchange !== undefined || !this.#isAnswerOver || this.#waitingBytes > 0) return;
    // The answer is whole, and the client still sends: what it sends is of no use (RFC 9113 §8.1).
    if (!this.#isRequestWhole) this.#ground.sendReset(this.id, NO_ERROR);
    this.#isRequestWhole = true;
    this.#ground.unwatch(this);
    this.#ground.closed(this);
  }

  // ---- Windows and times ----

  /** False when the window would be larger than there may be. */
  growWindow(bytes: number): boolean {
    this.sendWindow += bytes;
    return this.sendWindow <= WINDOW_MAX;
  }

  /** The client owes a body, or has to take what waits for it. */
  #touch(): void {
    const isOwed = this.#waitingBytes > 0 || (!this.#isRequestWhole && !this.#isPaused);
    this.deadlineAt = isOwed ? this.#ground.after(this.#ground.bodyIdleMs) : Infinity;
  }

  onDeadline(): void {
    if (this.#waitingBytes > 0) this.fail(CANCEL);
    else if (!this.#isRequestWhole) this.exchange?.clientStalled();
  }
}

const EMPTY = Buffer.alloc(0);
