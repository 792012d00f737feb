import type { FirstBinding } from '../../route/first-binding.js';
import type { Timed } from '../deadlines.js';
import type { Exchange } from '../exchange.js';
import { grpcRefusal } from '../grpc-status.js';
import { isBodiless } from '../http1/response-head.js';
import { refusalContent } from '../own-answer.js';
import type { AnswerHead, Belonging, ClientSide, Refusal } from '../sides.js';
import type { Beginner } from '../turn.js';
import { Intake } from './intake.js';
import { encodeLines, encodeStatus } from './hpack-encoder.js';
import {
  CANCEL,
  FLOW_CONTROL_ERROR,
  INTERNAL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  WINDOW_MAX,
} from './frames.js';
import type { GroundedStream, StreamGround } from './stream-ground.js';
import type { Waiter } from './turnstile.js';

/** Unsent bytes of an answer at which its upstream is asked to wait. */
const PRESSURE_BYTES = 32 * 1024;
/** What one stream sends in its turn while others wait. */
const TURN_BYTES = 16 * 1024;

/** One request over HTTP/2 and its answer: the client's side of one exchange. */
export class Http2Stream implements ClientSide, Timed, Beginner, Waiter, GroundedStream {
  readonly version = 'HTTP/2';
  readonly id: number;
  deadlineAt = Infinity;
  loggedIn: Belonging | undefined;
  exchange: Exchange | undefined;
  requestBytes = 0;
  answeredBytes = 0;
  /** What the client still takes of the answer. */
  sendWindow: number;
  /** It waits for its turn to begin. */
  isQueued = false;

  readonly #ground: StreamGround;
  readonly #isHeadRequest: boolean;
  /** What the client announced of its body; below 0: nothing. */
  readonly #bodyBytes: number;
  #isRequestWhole: boolean;
  #isPaused = false;
  readonly #intake: Intake;

  #hasHead = false;
  /** What the answer still lacks; below 0: not known. */
  #left = -1;
  /** Data that waits for a window, in order. */
  #waiting: Buffer[] | undefined;
  #waitingBytes = 0;
  /** What follows the waiting data: the end with its trailers, or a reset. */
  #ending: 'open' | 'end' | 'cut' = 'open';
  #trailers = '';
  #isAnswerOver = false;
  #isUnderPressure = false;
  #isWatched = false;
  #isCall = false;
  #isTunnel = false;

  constructor(
    ground: StreamGround,
    id: number,
    sendWindow: number,
    isHeadRequest: boolean,
    bodyBytes: number,
    isRequestWhole: boolean,
  ) {
    this.#ground = ground;
    this.#intake = new Intake(ground, id);
    this.id = id;
    this.sendWindow = sendWindow;
    this.#isHeadRequest = isHeadRequest;
    this.#bodyBytes = bodyBytes;
    this.#isRequestWhole = isRequestWhole;
    if (!isRequestWhole) this.#touch();
  }

  get isWaiting(): boolean {
    return this.#waitingBytes > 0;
  }

  /** The client's window is used up. */
  get isBlocked(): boolean {
    return this.sendWindow <= 0;
  }

  get isRequestWhole(): boolean {
    return this.#isRequestWhole;
  }

  /** The client has the answer's head. */
  get isAnswered(): boolean {
    return this.#hasHead;
  }

  firstBinding(pool: object): FirstBinding | undefined {
    return this.#ground.firstBinding(pool);
  }

  /** It is a call of gRPC: its messages may be far apart, and a refusal is told in gRPC's words. */
  markCall(): void {
    this.#isCall = true;
    this.#touch();
  }

  begin(): void {
    this.exchange?.start();
  }

  queued(): void {
    this.isQueued = true;
    this.#touch();
  }

  admitted(): void {
    this.isQueued = false;
    this.#touch();
    this.begin();
  }

  // ---- The request, from the client ----

  /** A DATA frame of so many bytes begins, padding included. False: the stream is at fault and was reset. */
  dataBegins(windowBytes: number): boolean {
    if (this.#intake.take(windowBytes)) return true;
    this.fail(FLOW_CONTROL_ERROR);
    return false;
  }

  /** A part of it comes, without padding. */
  requestData(bytes: Buffer, start: number, end: number): void {
    this.requestBytes += end - start;
    const { exchange } = this;
    if (this.#bodyBytes >= 0 && this.requestBytes > this.#bodyBytes) this.fail(PROTOCOL_ERROR);
    else if (exchange !== undefined) {
      exchange.requestData(bytes, start, end);
      exchange.requestFlush();
    }
  }

  /** The frame is whole. */
  dataEnds(windowBytes: number, isEnd: boolean): void {
    if (isEnd) {
      this.#ground.credit(windowBytes);
      this.requestEnd('');
      return;
    }
    const isHeld = this.#isPaused && this.exchange !== undefined;
    if (isHeld) this.#intake.hold(windowBytes);
    else {
      this.#ground.credit(windowBytes);
      if (!this.#isRequestWhole) this.#intake.credit();
    }
    this.#touch();
  }

  /** The client has sent END_STREAM. */
  requestEnd(trailers: string): void {
    if (this.#bodyBytes >= 0 && this.requestBytes !== this.#bodyBytes) {
      this.fail(PROTOCOL_ERROR);
      return;
    }
    this.#isRequestWhole = true;
    this.#touch();
    if (this.#bodyBytes !== 0) this.exchange?.requestEnd(trailers);
    this.exchange?.requestFlush();
    this.#settle();
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
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    const { exchange } = this;
    if (exchange !== undefined) {
      this.#leave();
      exchange.clientClosed(true);
    }
    this.#settle();
  }

  pause(): void {
    this.#isPaused = true;
    this.#touch();
  }

  resume(): void {
    this.#isPaused = false;
    this.#intake.letGo();
    if (!this.#isRequestWhole) this.#intake.credit();
    this.#ground.flush();
    this.#touch();
  }

  // ---- The answer (ClientSide) ----

  get isUnderPressure(): boolean {
    this.#isUnderPressure = this.#waitingBytes >= PRESSURE_BYTES;
    return this.#isUnderPressure;
  }

  interim(head: AnswerHead): void {
    if (this.#isAnswerOver) return;
    const block = encodeStatus(head.status) + encodeLines(head.fields);
    this.answeredBytes += this.#ground.sendHeaders(this.id, block, false);
    this.#ground.flush();
  }

  head(head: AnswerHead, added: string): void {
    // Frames have no chunks in them.
    head.inChunks = false;
    this.#head(head.status, head.fields, added, this.#isHeadRequest ? 0 : head.bodyBytes);
  }

  /** 2xx is how a CONNECT is taken, and there is no key to answer to (RFC 8441 §5). */
  upgraded(head: AnswerHead, added: string): void {
    this.#isTunnel = true;
    this.#head(200, head.fields.replace(/^sec-websocket-accept:[^\r]*\r\n/im, ''), added, -1);
    this.#ground.flush();
    this.#touch();
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#isAnswerOver || this.#ending !== 'open' || start === end) return;
    if (this.#left >= 0) this.#left -= end - start;
    const isEnd = this.#left === 0;
    if (this.#isTunnel) this.#touch();
    if (this.#waitingBytes === 0) {
      const sent = this.#ground.sendData(this, bytes, start, end, isEnd, Infinity);
      if (sent > 0) {
        this.answeredBytes += sent;
        start += sent;
      }
    }
    if (start < end) {
      (this.#waiting ??= []).push(Buffer.from(bytes.subarray(start, end)));
      this.#waitingBytes += end - start;
      if (isEnd) this.#ending = 'end';
      this.#ground.wait(this);
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
    if (this.#isCall) {
      this.#head(200, grpcRefusal(status, code), fields, 0);
      this.#ground.flush();
      return;
    }
    const { type, bytes } = refusal.content ?? refusalContent(status, code);
    const body = Buffer.from(bytes, 'latin1');
    const framing = isBodiless(status) ? '' : `content-type: ${type}\r\ncontent-length: ${body.length}\r\n`;
    const own = `${framing}cache-control: no-store\r\n`;
    const hasBody = !this.#isHeadRequest && framing !== '';
    this.#head(status, own, fields, hasBody ? body.length : 0);
    if (hasBody) this.data(body, 0, body.length);
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
    if (this.exchange !== undefined) this.#leave();
    this.loggedIn?.end();
    this.loggedIn = undefined;
    this.#settle();
  }

  /** Its exchange needs nothing more of it. */
  #leave(): void {
    this.exchange = undefined;
    this.#intake.letGo();
    this.#ground.left(this);
    this.isQueued = false;
  }

  #head(status: number, fields: string, added: string, bodyBytes: number): void {
    if (this.#isAnswerOver || this.#hasHead) return;
    this.#hasHead = true;
    this.#left = bodyBytes;
    const isEnd = bodyBytes === 0;
    const block = encodeStatus(status) + encodeLines(fields) + encodeLines(added);
    this.answeredBytes += this.#ground.sendHeaders(this.id, block, isEnd);
    if (isEnd) this.#isAnswerOver = true;
  }

  /** One turn of sending what waits; false when nothing of it could leave. */
  sendWaiting(): boolean {
    let turnBytes = TURN_BYTES;
    while (turnBytes > 0) {
      const piece = this.#waiting?.[0];
      if (piece === undefined) break;
      const isLast = this.#waiting!.length === 1 && this.#ending === 'end' && this.#trailers === '';
      const sent = this.#ground.sendData(this, piece, 0, piece.length, isLast, turnBytes);
      if (sent === -1) break;
      turnBytes -= sent;
      this.answeredBytes += sent;
      this.#waitingBytes -= sent;
      if (sent < piece.length) this.#waiting![0] = piece.subarray(sent);
      else {
        this.#waiting!.shift();
        if (isLast) this.#isAnswerOver = true;
        else if (this.#waiting!.length === 0 && this.#ending !== 'open') this.#sendEnd();
      }
    }
    if (turnBytes === TURN_BYTES) return false;
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
      // A tunnel's reset is CANCEL (RFC 8441 §5).
      this.#ground.sendReset(this.id, this.#isTunnel ? CANCEL : INTERNAL_ERROR);
      this.#isRequestWhole = true;
    } else if (this.#trailers === '') this.#ground.sendEmpty(this.id);
    else this.answeredBytes += this.#ground.sendHeaders(this.id, encodeLines(this.#trailers), true);
  }

  /** Forgets the stream once nothing of it is under way. */
  #settle(): void {
    if (this.exchange !== undefined || !this.#isAnswerOver || this.#waitingBytes > 0) return;
    // The answer is whole, and the client still sends: what it sends is of no use (RFC 9113 §8.1).
    if (!this.#isRequestWhole) this.#ground.sendReset(this.id, NO_ERROR);
    this.#isRequestWhole = true;
    if (this.#isWatched) this.#ground.unwatch(this);
    this.#ground.closed(this);
  }

  // ---- Windows and times ----

  /** False when the window would be larger than there may be. */
  growWindow(bytes: number): boolean {
    this.sendWindow += bytes;
    return this.sendWindow <= WINDOW_MAX;
  }

  /** It waits for its turn; the client owes a body, or has to take what waits for it. */
  #touch(): void {
    const ground = this.#ground;
    const isOwed =
      this.#waitingBytes > 0 ||
      (this.#isTunnel ? this.exchange !== undefined : !this.#isRequestWhole && !this.#isPaused);
    const mayBeSilent = (this.#isCall || this.#isTunnel) && this.#waitingBytes === 0;
    this.deadlineAt = this.isQueued
      ? ground.after(ground.answerTimeMs)
      : isOwed
        ? ground.after(mayBeSilent ? ground.tunnelIdleMs : ground.bodyIdleMs)
        : Infinity;
    if (this.#isWatched || this.deadlineAt === Infinity) return;
    this.#isWatched = true;
    ground.watch(this);
  }

  onDeadline(): void {
    // It was never sent on, so its client may ask again (RFC 9113 §8.7).
    if (this.isQueued) this.fail(REFUSED_STREAM);
    else if (this.#waitingBytes > 0 || this.#isTunnel) this.fail(CANCEL);
    else if (!this.#isRequestWhole) this.exchange?.clientStalled();
  }
}
