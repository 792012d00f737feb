import { causeOf } from '../../base/cause.js';
import { Exchange } from '../exchange.js';
import { Peer } from '../forwarded.js';
import { Outlet } from '../outlet.js';
import type { AnswerHead, Belonging, ClientSide, Refusal } from '../sides.js';
import type { Guest, Site } from '../site.js';
import { mayBegin, type Beginner } from '../turn.js';
import type { Wire, WireHandler } from '../wire.js';
import { AnswerWriter } from './answer-writer.js';
import { BodyReader } from './body-reader.js';
import { CR } from './chars.js';
import type { ChunkSink } from './chunked.js';
import { ClientLimits, type LateClient } from './client-limits.js';
import { HeadReader } from './head-reader.js';
import { Inflow } from './inflow.js';
import { statusOf } from './request-error.js';
import type { RequestHead } from './request-head.js';

/**
 * The client's side over HTTP/1.1: reads one request after another from its connection and writes the
 * answers.
 */
export class Http1Client implements WireHandler, ClientSide, ChunkSink, LateClient, Guest, Beginner {
  readonly version = 'HTTP/1.1';
  loggedIn: Belonging | undefined;
  readonly #site: Site;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #writer: AnswerWriter;
  readonly #peer: Peer;
  readonly #limits: ClientLimits;
  readonly #inflow: Inflow;
  #exchange: Exchange | undefined;
  /** The body of the request under way; `undefined` when it has none. */
  #body: BodyReader | undefined;
  readonly #heads = new HeadReader();
  /** For a turn that may begin its request. */
  #isWaiting = false;

  constructor(site: Site, wire: Wire, isSecure: boolean) {
    this.#site = site;
    this.#wire = wire;
    this.#outlet = new Outlet(wire);
    this.#writer = new AnswerWriter(this.#outlet);
    this.#peer = new Peer(site, wire, isSecure);
    this.#inflow = new Inflow(wire);
    this.#limits = new ClientLimits(site, this.#outlet, this.#inflow, this);
  }

  /** Between two requests, with nothing begun. */
  get isIdle(): boolean {
    return this.#exchange === undefined && this.#inflow.isEmpty && !this.#limits.isEnding;
  }

  /** No request can follow the one under way. */
  get #isLast(): boolean {
    return this.#site.isClosing || this.#inflow.isAtEnd || !this.#isRequestWhole;
  }

  get #isRequestWhole(): boolean {
    return this.#body === undefined || this.#body.isWhole;
  }

  closeIfIdle(): void {
    if (this.isIdle) this.#close();
  }

  destroy(): void {
    if (this.#exchange === undefined && this.#wire.bufferedBytes === 0) this.#wire.destroy();
    else this.#wire.reset();
  }

  // ---- Reading ----

  onBytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.#limits.isEnding) return false;
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      if (this.#limits.phase === 'tunnel') {
        this.#limits.tunnelMoved();
        exchange.requestData(bytes, start, end);
        exchange.requestFlush();
        return true;
      }
      if (!this.#isRequestWhole) {
        this.#limits.expectBody();
        start = this.#readBody(exchange, bytes, start, end);
      }
      if (start === end) return true;
      if (this.#exchange !== undefined) {
        this.#hold(bytes, start, end);
        return true;
      }
      if (this.#limits.isEnding) return true;
    }
    if (this.#inflow.isBehind) this.#hold(bytes, start, end);
    else if (this.#isWaiting || !mayBegin(this)) {
      this.#isWaiting = true;
      this.#hold(bytes, start, end);
    } else if (this.#inflow.isEmpty) this.#readRequests(bytes, start, end);
    else {
      this.#hold(bytes, start, end);
      this.#advance();
    }
    return true;
  }

  begin(): void {
    this.#isWaiting = false;
    if (this.#wire.isOpen) this.#advance();
  }

  /** Goes on with what is held, now that nothing stands before it. */
  #advance(): void {
    const inflow = this.#inflow;
    if (!inflow.isEmpty) {
      const { bytes, start } = inflow;
      inflow.passOn();
      this.#readRequests(bytes, start, bytes.length);
      inflow.trim();
    }
    this.#settle();
    if (!inflow.hasEnded || this.#limits.isEnding || inflow.isBehind) return;
    const exchange = this.#exchange;
    if (exchange === undefined) this.#close();
    // It waited behind another when `onEnd` came, and its body isn't whole.
    else if (!this.#isRequestWhole) this.#outlet.destroy();
    else if (!this.#site.settings.halfClose) this.#limits.expectLeave();
  }

  /**
   * Reads one request after another, until a head isn't whole or an exchange takes its time; what is left is
   * held.
   */
  #readRequests(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#limits.isEnding) {
      if (this.#outlet.isFull) {
        this.#inflow.isBehind = true;
        this.#limits.expectAnswer();
        this.#hold(bytes, at, end);
        return;
      }
      at = this.#readRequest(bytes, at, end);
      if (this.#exchange !== undefined) {
        if (at < end) this.#hold(bytes, at, end);
        return;
      }
    }
  }

  /**
   * Reads a head at `start` and lets its exchange take what follows; answers where the next request starts.
   */
  #readRequest(bytes: Buffer, start: number, end: number): number {
    const reader = this.#heads;
    const head = reader.read(bytes, start, end, this.#site.settings.limits, this.#peer.isTrusted);
    if (head === undefined) {
      if (reader.start === end) return end;
      if (this.#limits.phase === 'idle' && bytes[reader.start] !== CR) this.#limits.expectHead();
      this.#inflow.hold(bytes, reader.start, end);
      return end;
    }
    if (typeof head === 'string') return this.#refuseHead(statusOf(head), head, end);

    const { stop } = reader;
    this.#inflow.hasMore = stop < end;
    const exchange = this.#open(head);
    this.#inflow.hasMore = false;
    return stop < end && this.#exchange === exchange && !this.#isRequestWhole
      ? this.#readBody(exchange, bytes, stop, end)
      : stop;
  }

  /** Answers where the body's part of these bytes ends. */
  #readBody(exchange: Exchange, bytes: Buffer, start: number, end: number): number {
    const body = this.#body;
    if (body === undefined) return start;
    const stop = body.read(bytes, start, end);
    if (body.fault !== undefined) exchange.requestBroken(body.fault);
    else exchange.requestFlush();
    if (body.isWhole && this.#exchange === exchange) this.#limits.expectAnswer();
    return stop;
  }

  chunkBytes(bytes: Buffer, start: number, end: number): void {
    this.#exchange?.requestData(bytes, start, end);
  }

  chunkEnd(trailers: string): void {
    this.#exchange?.requestEnd(trailers);
  }

  #open(head: RequestHead): Exchange {
    this.#writer.begin(head);
    const exchange = new Exchange(
      this.#site,
      this,
      head,
      this.#peer.originOf(head),
      this.#site.requestIds.of(head.requestId),
    );
    this.#exchange = exchange;
    this.#body = undefined;
    if (head.bodyBytes === 0) this.#limits.expectAnswer();
    else {
      this.#body = new BodyReader(head, this);
      this.#limits.expectBody();
    }
    exchange.start();
    return exchange;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    this.#inflow.hold(bytes, start, end);
    this.#settle();
  }

  #settle(): void {
    this.#inflow.settle(this.#exchange !== undefined);
  }

  onDrain(): void {
    this.#limits.answerTaken();
    if (this.#inflow.isBehind) {
      this.#inflow.isBehind = false;
      this.#limits.expectRequest();
      this.#advance();
    } else this.#exchange?.clientDrained();
  }

  onEnd(): void {
    this.#inflow.hasEnded = true;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      // What is held may be a whole request that waits.
      if (this.#isWaiting || this.#inflow.isBehind) return;
      if (!this.#inflow.isEmpty) this.#outlet.destroy();
      else if (!this.#limits.isEnding) this.#close();
      return;
    }
    if (this.#limits.phase === 'tunnel') exchange.requestEnd('');
    // A body that was announced and isn't coming: nobody can finish this request.
    else if (!this.#isRequestWhole) this.#outlet.destroy();
    // A FIN is all that a gateway hears of a client that has gone.
    else if (!this.#site.settings.halfClose) this.#limits.expectLeave();
  }

  onClose(error: Error | undefined): void {
    this.#limits.stop();
    this.loggedIn?.end();
    this.#site.closed(this);
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.clientClosed(!this.#inflow.hasEnded && causeOf(error) === 'ECONNRESET');
  }

  // ---- Time limits (LateClient) ----

  headLate(): void {
    if (!this.#inflow.hasBegun) this.#close();
    else this.#refuseHead(408, 'head-timeout', 0);
  }

  bodyLate(): void {
    this.#exchange?.clientStalled();
  }

  idleLate(): void {
    if (!this.#isWaiting) this.#close();
  }

  /** Nobody waits for this answer any more. What was answered before is still on its way. */
  gone(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.clientClosed(false);
    if (exchange !== undefined && exchange.answeredAt !== 0) this.abort();
    else this.#close();
  }

  // ---- Answering (ClientSide) ----

  get requestBytes(): number {
    return this.#body === undefined ? 0 : this.#body.dataBytes;
  }

  get answeredBytes(): number {
    return this.#writer.bytes;
  }

  get isUnderPressure(): boolean {
    return this.#outlet.isUnderPressure;
  }

  interim(head: AnswerHead): void {
    this.#writer.interim(head);
  }

  head(head: AnswerHead, added: string): void {
    this.#writer.head(head, added, this.#isLast);
  }

  upgraded(head: AnswerHead, added: string): void {
    this.#writer.upgraded(head, added);
    this.#limits.tunnelMoved();
    const { isEmpty, bytes, start } = this.#inflow;
    if (!isEmpty) {
      this.#inflow.clear();
      this.#exchange?.requestData(bytes, start, bytes.length);
      this.#exchange?.requestFlush();
    }
    this.#settle();
    if (this.#inflow.hasEnded) this.#exchange?.requestEnd('');
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#writer.data(bytes, start, end);
  }

  flush(): boolean {
    this.#outlet.flush();
    const isWaiting = this.#wire.bufferedBytes > 0;
    this.#limits.answerSent(isWaiting);
    return isWaiting;
  }

  end(trailers: string): void {
    if (this.#limits.phase === 'tunnel') this.#outlet.end();
    else this.#writer.end(trailers);
  }

  refuse(refusal: Refusal): void {
    this.#writer.refuse(refusal, this.#isLast);
  }

  abort(): void {
    // A reset takes along what waits in buffers here and at the client. It is needed only where the end of
    // the connection would be taken for the end of the answer.
    if (this.#writer.showsCut) {
      this.#close();
      return;
    }
    this.#outlet.send();
    this.#wire.reset();
  }

  pause(): void {
    this.#inflow.isRequestPaused = true;
    this.#settle();
  }

  resume(): void {
    this.#inflow.isRequestPaused = false;
    if (this.#limits.phase === 'request-body') this.#limits.expectBody();
    this.#settle();
  }

  over(): void {
    this.#exchange = undefined;
    this.#inflow.isRequestPaused = false;
    if (!this.#wire.isOpen || this.#limits.isEnding) return;
    if (this.#limits.phase === 'tunnel') {
      this.#limits.expectFlush();
      this.#settle();
      return;
    }
    if (!this.#writer.keepAlive || !this.#isRequestWhole) {
      this.#close();
      return;
    }
    this.#limits.expectRequest();
    if (!this.#inflow.isEmpty || this.#inflow.isAtEnd) this.#advance();
    else this.#settle();
  }

  /**
   * Refuses a request that has no exchange yet, and the connection with it: where the next one would start is
   * anybody's guess.
   */
  #refuseHead(status: number, code: string, end: number): number {
    this.#writer.beginRefusal(this.#heads.isHeadRequest);
    this.#site.observer.refused({ address: this.#peer.address, status, code });
    this.#body = undefined;
    this.refuse({ status, code, fields: this.#site.date.line });
    this.over();
    return end;
  }

  /** Says goodbye; what the client still sends is read and thrown away for a while. */
  #close(): void {
    this.#inflow.clear();
    this.#inflow.isBehind = false;
    this.#inflow.isRequestPaused = false;
    this.#outlet.end();
    this.#limits.expectGoodbye();
    this.#settle();
  }
}
