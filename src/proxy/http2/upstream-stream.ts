import type { RequestHead } from '../http1/request-head.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Deadlines } from '../deadlines.js';
import type { Limits } from '../limits.js';
import type { AnswerTaker, UpstreamSide } from '../sides.js';
import type { UpstreamFault } from '../upstream-fault.js';
import type { FrameWriter } from './frame-writer.js';
import * as h2 from './frames.js';
import { grpcTimeoutMs } from '../grpc-timeout.js';
import { Outgoing, type SendTurns, type SendWatcher } from './outgoing.js';
import { requestBlock } from './request-fields.js';
import type { ResponseBlock } from './response-block.js';
import { upgradedHead } from './upgraded-head.js';

/** What an upstream may send of an answer before it is credited. */
export const UPSTREAM_WINDOW = 128 * 1024;

/** `waiting`: for its connection. `tunnel`: behind CONNECT, both ways. */
type Phase = 'waiting' | 'head' | 'body' | 'tunnel' | 'over';

/** Who finds a connection for streams, and speaks to its upstream of whom. */
export interface StreamOwner {
  /** `host[:port]`, for requests that came without a Host. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** It waits for a connection no more. */
  unqueue(stream: Http2UpstreamStream): void;
}

/** The connection as its streams see it. */
export interface StreamConnection {
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly turns: SendTurns;
  readonly write: FrameWriter;
  /** What the upstream takes of a new stream. */
  readonly initialWindow: number;
  /** True: the stream can send now, otherwise it is told. */
  take(stream: Http2UpstreamStream): boolean;
  /** Gives a stream its number; its HEADERS must follow at once. */
  open(stream: Http2UpstreamStream): number;
  reset(id: number, code: number): void;
  flush(): void;
  /** Neither side needs it any more, or it never began. */
  closed(stream: Http2UpstreamStream): void;
  /** A stream has waited for too long: where nothing else came either, the connection may be dead. */
  waitedInVain(sinceMs: number): void;
}

/** The upstream's side over HTTP/2: one exchange on one stream of a connection. */
export class Http2UpstreamStream implements UpstreamSide, SendWatcher {
  deadlineAt = Infinity;
  /** It is for a WebSocket, which goes only where the upstream has announced that it takes it (RFC 8441). */
  readonly wantsProtocol: boolean;
  /** `send` may be called. */
  isReady = false;
  readonly #owner: StreamOwner;
  #taker: AnswerTaker | undefined;
  #connection: StreamConnection | undefined;
  #phase: Phase = 'waiting';
  // Of the request.
  #out: Outgoing | undefined;
  #head: RequestHead | undefined;
  #sentAt = 0;
  #idleMs = 0;
  #answerTimeMs = 0;
  // Of the answer.
  #interimAnswers = 0;
  #left = -1;
  #isPaused = false;
  #receiveWindow = UPSTREAM_WINDOW;
  #uncredited = 0;
  #isAnswerWhole = false;

  constructor(owner: StreamOwner, taker: AnswerTaker, wantsProtocol: boolean) {
    this.#owner = owner;
    this.#taker = taker;
    this.wantsProtocol = wantsProtocol;
  }

  /** Its number on the connection; 0 before it has one. */
  get id(): number {
    return this.#out?.id ?? 0;
  }

  get isReused(): boolean {
    return this.id > 1;
  }

  get isUnderPressure(): boolean {
    return this.#out?.isUnderPressure === true;
  }

  /** A connection has room for it. */
  join(connection: StreamConnection): void {
    this.#connection = connection;
    this.deadlineAt = this.wantsProtocol
      ? connection.deadlines.after(connection.limits.answerTimeMs)
      : Infinity;
    this.isReady = connection.take(this);
  }

  /** Its connection has been made. */
  ready(): void {
    this.isReady = true;
    this.#taker?.upstreamReady();
  }

  /** Every connection is full: so long it waits for one. */
  waitUntil(deadlineAt: number): void {
    this.deadlineAt = deadlineAt;
  }

  // ---- The request (UpstreamSide) ----

  send(head: RequestHead, fields: string, added: string): void {
    const connection = this.#connection!;
    const { limits, deadlines } = connection;
    const isWhole = head.bodyBytes === 0 && !this.wantsProtocol;
    this.#head = head;
    this.#phase = 'head';
    this.#sentAt = deadlines.nowMs;
    this.#idleMs = head.isGrpc ? limits.tunnelIdleMs : limits.bodyIdleMs;
    this.#answerTimeMs = head.isGrpc
      ? Math.min(limits.answerTimeMs, grpcTimeoutMs(fields))
      : limits.answerTimeMs;
    const id = connection.open(this);
    const bodyBytes = this.wantsProtocol ? -1 : head.bodyBytes;
    this.#out = new Outgoing(connection.turns, this, id, connection.initialWindow, bodyBytes);
    this.#out.isWhole = isWhole;
    const { authority, scheme } = this.#owner;
    connection.write.headers(id, requestBlock(head, fields, added, scheme, authority), isWhole);
    connection.flush();
    if (isWhole || this.wantsProtocol) this.#expect(this.#answerTimeMs);
    else this.#expect(this.#idleMs);
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#out?.data(bytes, start, end);
  }

  flush(): void {
    this.#connection?.flush();
    this.sendMoved();
  }

  end(trailers: string): void {
    const out = this.#out;
    if (out === undefined) return;
    if (!out.isWhole) {
      out.end(trailers);
      this.sendMoved();
    }
    this.#connection?.flush();
  }

  sendMoved(): void {
    const { isWhole } = this.#out!;
    if (this.#phase === 'tunnel') {
      if (this.#taker === undefined && isWhole && this.#isAnswerWhole) this.#settle();
    } else if (this.wantsProtocol) return;
    else if (this.#phase === 'head') this.#expect(isWhole ? this.#answerTimeMs : this.#idleMs);
    else if (this.#phase === 'body' && !isWhole && !this.#isPaused) this.#expect(this.#idleMs);
  }

  sendDrained(): void {
    this.#taker?.upstreamDrained();
  }

  upgraded(): void {
    this.#phase = 'tunnel';
    this.deadlineAt = Infinity;
  }

  pause(): void {
    this.#isPaused = true;
    // While the client is too slow, the silence isn't the upstream's.
    this.deadlineAt = Infinity;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#phase === 'body') this.#expect(this.#idleMs);
    if (this.#credit()) this.#connection?.flush();
  }

  /** The exchange needs it no more. A tunnel goes on until both its directions have ended. */
  over(): void {
    this.#taker = undefined;
    this.#isPaused = false;
    if (this.#phase === 'tunnel' && !(this.#isAnswerWhole && this.#out!.isWhole))
      this.#expect(this.#connection!.limits.bodyIdleMs);
    else this.#settle();
  }

  abort(): void {
    this.#taker = undefined;
    if (this.#connection === undefined) this.#owner.unqueue(this);
    else this.#end(h2.CANCEL);
  }

  /** Forgets the stream. What the upstream hasn't got of a request whose answer is whole is of no use. */
  #settle(): void {
    if (this.#connection !== undefined) this.#end(this.#out!.isWhole ? h2.NO_ERROR : h2.CANCEL);
  }

  /** With a reset when there is a code. */
  #end(code: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    this.#phase = 'over';
    this.deadlineAt = Infinity;
    if (this.#out !== undefined) {
      this.#out.drop();
      if (code !== h2.NO_ERROR) connection.reset(this.id, code);
    }
    connection.closed(this);
  }

  // ---- What becomes of it ----

  /** The exchange hears why, once. */
  fail(fault: UpstreamFault, cause: Error | undefined): void {
    this.#connection = undefined;
    this.#phase = 'over';
    this.deadlineAt = Infinity;
    this.#out?.drop();
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.upstreamFailed(fault, cause);
  }

  /** The upstream has broken the rules on this stream. */
  broken(code: number, fault: UpstreamFault = 'http2'): void {
    this.#end(code);
    this.fail(fault, h2.errorCause(code));
  }

  /** Its time limit is reached. */
  late(): void {
    const connection = this.#connection;
    this.deadlineAt = Infinity;
    if (connection === undefined) {
      this.#owner.unqueue(this);
      this.fail('full', undefined);
      return;
    }
    connection.waitedInVain(this.#sentAt);
    const fault = this.#phase === 'body' ? 'body-timeout' : 'answer-timeout';
    this.#end(h2.CANCEL);
    this.fail(fault, undefined);
  }

  /** False when the window would be larger than there may be. */
  growWindow(bytes: number): boolean {
    return this.#out === undefined || this.#out.growWindow(bytes);
  }

  // ---- The answer; true: bytes of what was read wait in the client's buffer ----

  answerBlock(block: ResponseBlock, hasEnded: boolean): boolean {
    const taker = this.#taker;
    if (this.#phase === 'head') this.#readHead(block, hasEnded);
    else if (this.#phase !== 'body' || !hasEnded) this.broken(h2.PROTOCOL_ERROR);
    else {
      const trailers = block.trailers();
      if (trailers === undefined) this.broken(h2.PROTOCOL_ERROR, 'trailer');
      else this.#finish(trailers);
    }
    return taker?.answerFlush() === true;
  }

  #readHead(block: ResponseBlock, hasEnded: boolean): void {
    const { limits } = this.#connection!;
    const method = this.wantsProtocol ? 'CONNECT' : this.#head!.method;
    const head = block.head(method, hasEnded, limits.fieldsMax);
    if (typeof head === 'string') {
      this.broken(h2.PROTOCOL_ERROR, head);
      return;
    }
    if (head.status < 200) {
      if (++this.#interimAnswers > limits.interimAnswersMax)
        this.broken(h2.ENHANCE_YOUR_CALM, 'too-many-interim');
      else this.#taker?.answerInterim(head);
      return;
    }
    if (this.wantsProtocol && head.status < 300) {
      this.#readUpgrade(head, hasEnded);
      return;
    }
    this.#left = head.bodyBytes;
    this.#phase = 'body';
    this.#expect(this.#idleMs);
    this.#taker?.answerHead(head);
    if (hasEnded) this.#finish('');
  }

  /** The upstream has taken the WebSocket: as the exchange knows it, it has changed its protocol. */
  #readUpgrade(head: ResponseHead, hasEnded: boolean): void {
    const { upgrade } = this.#head!;
    if (hasEnded) this.broken(h2.PROTOCOL_ERROR, 'upgrade');
    else this.#taker?.answerUpgraded(upgradedHead(head, upgrade, this.#head!.get('sec-websocket-key')));
  }

  answerData(bytes: Buffer, start: number, end: number, windowBytes: number, hasEnded: boolean): boolean {
    const taker = this.#taker;
    this.#receiveWindow -= windowBytes;
    if (this.#receiveWindow < 0) this.broken(h2.FLOW_CONTROL_ERROR);
    else if (this.#phase === 'head') this.broken(h2.PROTOCOL_ERROR);
    else if (this.#left >= 0 && end - start > this.#left) this.broken(h2.PROTOCOL_ERROR, 'length');
    else {
      if (this.#left > 0) this.#left -= end - start;
      if (start < end) taker?.answerData(bytes, start, end);
      if (hasEnded) this.#finish('');
    }
    const isWaiting = taker?.answerFlush() === true;
    this.#uncredited += windowBytes;
    if (this.#phase === 'body' || this.#phase === 'tunnel') {
      if (this.#phase === 'body' && !this.#isPaused) this.#expect(this.#idleMs);
      this.#credit();
    }
    return isWaiting;
  }

  answerReset(code: number): void {
    const isRefused = code === h2.REFUSED_STREAM && this.#phase === 'head';
    this.#connection?.closed(this);
    this.fail(isRefused ? 'refused' : 'reset', h2.errorCause(code));
  }

  /** The answer is whole, or the upstream's direction of a tunnel. */
  #finish(trailers: string): void {
    if (this.#left > 0) {
      this.broken(h2.PROTOCOL_ERROR, 'length');
      return;
    }
    this.#isAnswerWhole = true;
    this.deadlineAt = Infinity;
    if (this.#taker !== undefined) this.#taker.answerEnd(trailers);
    // A tunnel that was ended from here has ended there, too.
    else if (this.#out!.isWhole) this.#settle();
  }

  /** The upstream may send again what the client has taken. True: something was written. */
  #credit(): boolean {
    if (this.#isPaused || this.#isAnswerWhole || this.#uncredited < UPSTREAM_WINDOW / 2) return false;
    this.#connection?.write.window(this.id, this.#uncredited);
    this.#receiveWindow += this.#uncredited;
    this.#uncredited = 0;
    return true;
  }

  #expect(ms: number): void {
    this.deadlineAt = this.#connection === undefined ? Infinity : this.#connection.deadlines.after(ms);
  }
}
