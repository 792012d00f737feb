import { isLocalError } from '../../base/local-error.js';
import type { Deadlines } from '../deadlines.js';
import type { Limits } from '../limits.js';
import { Outlet } from '../outlet.js';
import type { AnswerTaker, UpstreamSide } from '../sides.js';
import type { UpstreamFault } from '../upstream-fault.js';
import { acceptOf } from '../websocket-accept.js';
import type { ConnectHandler, ConnectTarget, Engine, Wire } from '../wire.js';
import { BodyWriter } from './body-writer.js';
import { BROKEN, ChunkedReader, DONE, type ChunkSink } from './chunked.js';
import { findField } from './fields.js';
import { headEnd } from './head-end.js';
import { CHUNKED, type RequestHead } from './request-head.js';
import { requestText } from './request-text.js';
import { parseResponseHead, faultOfPart, type ResponseHead, UNTIL_CLOSE } from './response-head.js';
import { UpstreamLimits, type LateUpstream } from './upstream-limits.js';

/** Where connections report to: the upstream that they belong to. */
export interface ConnectionOwner {
  /** `host[:port]`, for requests that came without a Host. */
  readonly authority: string;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  /** It has done its work and can do more. */
  release(connection: Http1Upstream): void;
  /** A connection is made, to this one of the upstream's addresses. */
  connected(address: string): void;
  /** No connection could be made. */
  notConnected(): void;
  /** It is closed, and no longer among the idle ones. */
  closed(connection: Http1Upstream): void;
}

/**
 * The upstream's side over HTTP/1.1: one connection, which carries one exchange at a time and waits for the
 * next between two.
 */
export class Http1Upstream implements UpstreamSide, ConnectHandler, ChunkSink, LateUpstream {
  /** When it became idle, and how long the upstream will keep it. */
  idleSince = 0;
  readonly openedAt: number;
  idleMs: number;
  /** Its client has logged it in: see logged-in.ts. */
  isLoggedIn = false;
  /** Where it stands in its owner's list of idle connections; -1: not there. */
  idleSlot = -1;

  readonly #owner: ConnectionOwner;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #writer: BodyWriter;
  readonly #limits: UpstreamLimits;
  #taker: AnswerTaker | undefined;
  /** Exchanges begun on it. */
  #uses = 1;
  // Of the request.
  #method = '';
  #upgrade = '';
  #ownKey = '';
  // Of the answer.
  #interimAnswers = 0;
  /** The beginning of a head that came in pieces. */
  #partial: Buffer | undefined;
  #bodyLeft = 0;
  #chunks: ChunkedReader | undefined;
  #trailers = '';
  #keepAlive = true;
  #fault: UpstreamFault | undefined;

  constructor(engine: Engine, target: ConnectTarget, owner: ConnectionOwner, taker: AnswerTaker) {
    this.#owner = owner;
    this.idleMs = owner.limits.upstreamIdleMs;
    this.openedAt = owner.deadlines.nowMs;
    this.#taker = taker;
    this.#wire = engine.connect(target, this);
    this.#outlet = new Outlet(this.#wire);
    this.#writer = new BodyWriter(this.#outlet);
    this.#limits = new UpstreamLimits(owner.limits, owner.deadlines, this.#outlet, this);
  }

  /** False from the moment it is known to be closed, which is a little before `closed` is told. */
  get isOpen(): boolean {
    return this.#wire.isOpen;
  }

  get isReused(): boolean {
    return this.#uses > 1;
  }

  get isUnderPressure(): boolean {
    return this.#outlet.isUnderPressure;
  }

  /** An idle connection is given its next exchange. */
  take(taker: AnswerTaker): void {
    this.#taker = taker;
    this.#uses++;
    this.#begin();
  }

  // ---- The request (UpstreamSide) ----

  send(head: RequestHead, fields: string, added: string): void {
    if (head.logsIn) this.isLoggedIn = true;
    this.#method = head.method;
    this.#upgrade = head.upgrade;
    this.#ownKey = head.ownKey;
    this.#writer.begin(head.bodyBytes >= 0 ? 'plain' : head.inChunks ? 'verbatim' : 'chunks');
    this.#outlet.text(requestText(head, fields, this.#owner.authority, added));
    // What follows is no part of the request.
    if (head.upgrade !== '') this.#limits.requestSent();
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#limits.hasBody = true;
    this.#writer.data(bytes, start, end);
  }

  flush(): void {
    this.#outlet.flush();
    this.#limits.requestMoved();
  }

  end(trailers: string): void {
    if (this.#limits.phase === 'tunnel') {
      this.#outlet.end();
      return;
    }
    this.#writer.end(trailers);
    this.#outlet.flush();
    this.#limits.requestSent();
  }

  upgraded(): void {
    this.#limits.upgraded();
  }

  pause(): void {
    // While the client is too slow, the silence isn't the upstream's.
    this.#limits.expectNothing();
    this.#wire.pause();
  }

  resume(): void {
    this.#limits.resumed();
    this.#wire.resume();
  }

  over(): void {
    this.#taker = undefined;
    const limits = this.#limits;
    if (limits.phase === 'tunnel') {
      limits.expectGoodbye();
      this.#wire.resume();
    } else if (limits.phase !== 'idle' || !this.#keepAlive || !limits.isRequestSent) this.#wire.destroy();
    // It waits where its client's connection keeps it.
    else if (this.isLoggedIn) limits.expectRequest(this.idleMs);
    else this.#owner.release(this);
  }

  abort(): void {
    this.#taker = undefined;
    // The upstream sees that the request, or the tunnel, was cut.
    this.#wire.reset();
  }

  /** Closes it while it is idle. */
  destroy(): void {
    this.#wire.destroy();
  }

  // ---- The wire ----

  onConnect(address = ''): void {
    this.#owner.connected(address);
    this.#begin();
    this.#taker?.upstreamReady();
  }

  onBytes(bytes: Buffer, start: number, end: number): boolean {
    const taker = this.#taker;
    if (taker === undefined) {
      // Nobody asked: an answer to no request would be taken for the next one's. Behind a tunnel it is read
      // and thrown away, so that the end arrives.
      if (this.#limits.phase !== 'tunnel') this.#wire.destroy();
      return false;
    }
    this.#read(bytes, start, end);
    return taker.answerFlush();
  }

  onDrain(): void {
    this.#limits.requestMoved();
    this.#taker?.upstreamDrained();
  }

  onEnd(): void {
    if (this.#taker === undefined || this.#limits.phase === 'idle') {
      // A tunnel that has ended here, too, closes by itself.
      if (this.#limits.phase !== 'tunnel') this.#wire.destroy();
      return;
    }
    if (this.#limits.phase === 'tunnel' || (this.#limits.phase === 'body' && this.#bodyLeft === UNTIL_CLOSE))
      this.#finish();
    else this.#fail('closed');
  }

  onClose(error: Error | undefined): void {
    const wasConnecting = this.#limits.phase === 'connecting';
    this.#limits.stop();
    const isLocal = wasConnecting && isLocalError(error);
    if (wasConnecting && !isLocal) this.#owner.notConnected();
    this.#owner.closed(this);
    const taker = this.#taker;
    this.#taker = undefined;
    const fault = !wasConnecting ? 'closed' : isLocal ? 'local' : 'connect';
    taker?.upstreamFailed(this.#fault ?? fault, error);
  }

  // ---- Time limits (LateUpstream) ----

  late(fault: UpstreamFault): void {
    this.#fail(fault);
  }

  spent(): void {
    this.#wire.destroy();
  }

  // ---- The answer ----

  chunkBytes(bytes: Buffer, start: number, end: number): void {
    this.#taker?.answerData(bytes, start, end);
  }

  chunkEnd(trailers: string): void {
    this.#trailers = trailers;
  }

  #begin(): void {
    this.#limits.begin();
    this.#partial = undefined;
    this.#trailers = '';
    this.#interimAnswers = 0;
    this.#keepAlive = true;
  }

  #read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#limits.phase === 'awaiting-head') {
      if (this.#partial !== undefined) {
        bytes = Buffer.concat([this.#partial, bytes.subarray(start, end)]);
        at = 0;
        end = bytes.length;
        this.#partial = undefined;
      }
      at = this.#readHeads(bytes, at, end);
      if (at === -1 || this.#taker === undefined) return;
    }
    switch (this.#limits.phase) {
      case 'tunnel':
        if (at < end) this.#taker?.answerData(bytes, at, end);
        return;
      case 'body':
        at = this.#readBody(bytes, at, end);
    }
    if (this.#limits.phase !== 'idle') return;
    // Behind the end of an answer nothing may stand.
    if (at < end) this.#keepAlive = false;
    this.#finish();
  }

  /**
   * Reads 1xx heads and the final one; returns where the body starts, or -1 when the head isn't whole or was
   * refused.
   */
  #readHeads(bytes: Buffer, start: number, end: number): number {
    const { limits } = this.#owner;
    for (;;) {
      const taker = this.#taker;
      if (taker === undefined) return -1;
      const stop = headEnd(bytes, start, end);
      if (stop === -1) {
        if (end - start > limits.headBytesMax) return this.#refuse('head-too-large');
        const wrong = faultOfPart(bytes, start, end, this.#method, limits.fieldsMax);
        if (wrong !== undefined) return this.#refuse(wrong);
        if (end > start) this.#partial = Buffer.from(bytes.subarray(start, end));
        return -1;
      }
      if (stop - start > limits.headBytesMax) return this.#refuse('head-too-large');
      const head = parseResponseHead(bytes, start, stop, this.#method, limits.fieldsMax);
      if (typeof head === 'string') return this.#refuse(head);
      start = stop;
      if (head.status >= 200) {
        this.#expectBody(head, taker);
        return start;
      }
      if (head.status === 101) {
        // Only to what the client named (RFC 9110 §7.8).
        if (this.#upgrade === '' || head.upgrade.toLowerCase() !== this.#upgrade)
          return this.#refuse('upgrade');
        // What the client can't check, because it has sent no key, is checked here (RFC 6455 §4.1).
        if (
          this.#ownKey !== '' &&
          findField(head.fields, 0, 'sec-websocket-accept') !== acceptOf(this.#ownKey)
        )
          return this.#refuse('upgrade');
        taker.answerUpgraded(head);
        return start;
      }
      if (++this.#interimAnswers > limits.interimAnswersMax) return this.#refuse('too-many-interim');
      taker.answerInterim(head);
    }
  }

  #expectBody(head: ResponseHead, taker: AnswerTaker): void {
    if (head.logsIn) this.isLoggedIn = true;
    this.#keepAlive = head.keepAlive;
    // A second before the upstream closes it, it's no longer taken (undici and nginx users know the race).
    if (head.keepAliveMs >= 0)
      this.idleMs = Math.min(this.#owner.limits.upstreamIdleMs, Math.max(0, head.keepAliveMs - 1000));
    this.#bodyLeft = head.bodyBytes;
    this.#limits.phase = head.bodyBytes === 0 ? 'idle' : 'body';
    if (head.bodyBytes === 0) this.#limits.expectNothing();
    else this.#limits.answerMoved();
    taker.answerHead(head);
    // The taker may have lowered the flag.
    this.#chunks = head.bodyBytes === CHUNKED ? new ChunkedReader(head.inChunks) : undefined;
  }

  #readBody(bytes: Buffer, start: number, end: number): number {
    this.#limits.answerMoved();
    if (this.#chunks !== undefined) {
      const stop = this.#chunks.read(bytes, start, end, this);
      if (this.#chunks.state === DONE) this.#limits.phase = 'idle';
      else if (this.#chunks.state === BROKEN) this.#fail(this.#chunks.fault);
      return stop;
    }
    if (this.#bodyLeft === UNTIL_CLOSE) {
      if (start < end) this.#taker?.answerData(bytes, start, end);
      return end;
    }
    const take = Math.min(this.#bodyLeft, end - start);
    if (take > 0) this.#taker?.answerData(bytes, start, start + take);
    this.#bodyLeft -= take;
    if (this.#bodyLeft === 0) this.#limits.phase = 'idle';
    return start + take;
  }

  /** The answer is whole. */
  #finish(): void {
    this.#limits.expectNothing();
    this.#taker?.answerEnd(this.#trailers);
  }

  #refuse(fault: UpstreamFault): -1 {
    this.#fail(fault);
    return -1;
  }

  #fail(fault: UpstreamFault): void {
    this.#fault = fault;
    const taker = this.#taker;
    this.#taker = undefined;
    this.#wire.destroy();
    taker?.upstreamFailed(fault, undefined);
  }
}
