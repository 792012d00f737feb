import { ANSWER, FLUSH, HEAD, IDLE, LINGER, REQUEST_BODY, TUNNEL } from './client-phase.js';
import type { ClientSide } from './client-side.js';
import { Exchange } from './exchange.js';
import { Peer } from './forwarded.js';
import { CR } from './http1/chars.js';
import { EmptyLines } from './http1/empty-lines.js';
import { headEnd } from './http1/head-end.js';
import { isHead, refusalOfPart, statusOf } from './http1/request-error.js';
import { CHUNKED, parseRequestHead, type RequestHead } from './http1/request-head.js';
import { UNTIL_CLOSE } from './http1/response-head.js';
import type { Timed } from './deadlines.js';
import { Outlet } from './outlet.js';
import { refusal } from './refusal.js';
import type { Guest, Site } from './site.js';
import { mayBegin, type Beginner } from './turn.js';
import type { Wire, WireHandler } from './wire.js';

/**
 * After a last answer the client may still be sending: it is read and thrown away this long, so that a reset
 * doesn't reach it before the answer.
 */
const LINGER_MS = 2000;

/**
 * The client's side over HTTP/1.1: reads one request after another from its connection and writes the
 * answers.
 */
export class ClientConnection implements WireHandler, ClientSide, Guest, Timed, Beginner {
  deadlineAt: number;

  readonly #site: Site;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #peer: Peer;
  #phase = HEAD;
  #exchange: Exchange | undefined;
  /**
   * What came and can't be used yet: the beginning of a head, a pipelined request, early bytes of an upgrade.
   */
  #held: Buffer | undefined;
  /** How far into `#held` the end of a head has been looked for. */
  #searched = 0;
  readonly #emptyLines = new EmptyLines();
  #keepAlive = true;
  #isHttp10 = false;
  #isHeadRequest = false;
  #isRequestPaused = false;
  #isPaused = false;
  #hasEnded = false;
  /** Behind the request that is being opened stand more bytes, which aren't in `#held` at that moment. */
  #hasMore = false;
  #bytesOutBefore = 0;
  /** For a turn that may begin its request. */
  #isWaiting = false;

  constructor(site: Site, wire: Wire, isSecure: boolean) {
    this.#site = site;
    this.#wire = wire;
    this.#outlet = new Outlet(wire);
    this.#peer = new Peer(site, wire.remoteAddress, isSecure);
    this.deadlineAt = site.deadlines.after(site.settings.limits.headTimeMs);
    site.deadlines.add(this);
  }

  /** Between two requests, with nothing begun. */
  get isIdle(): boolean {
    return this.#exchange === undefined && this.#held === undefined && this.#phase < LINGER;
  }

  /** No request can follow: the client has ended its half, and nothing that it sent is left. */
  get #isLast(): boolean {
    return this.#hasEnded && this.#held === undefined && !this.#hasMore;
  }

  get takesChunks(): boolean {
    return !this.#isHttp10;
  }

  get isUnderPressure(): boolean {
    return this.#outlet.isUnderPressure;
  }

  get answeredBytes(): number {
    return this.#outlet.bytesOut - this.#bytesOutBefore;
  }

  /** The gateway is going: an idle connection is closed; one at work closes after its answer. */
  closeIfIdle(): void {
    if (this.isIdle) this.#close();
  }

  /** Ends it; what is cut off doesn't look whole. */
  destroy(): void {
    if (this.#exchange === undefined && this.#wire.bufferedBytes === 0) this.#wire.destroy();
    else this.#wire.reset();
  }

  // ---- Reading ----

  onBytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.#phase >= LINGER) return false;
    const exchange = this.#exchange;
    if (exchange !== undefined) {
      if (exchange.isTunnel) {
        this.#tunnelMoved();
        exchange.tunnelRead(bytes, start, end);
        return true;
      }
      if (!exchange.isRequestWhole) {
        this.#expectBody();
        start = exchange.requestRead(bytes, start, end);
        if (exchange.isRequestWhole && this.#exchange === exchange) this.#expectAnswer();
      }
      if (start === end) return true;
      if (this.#exchange !== undefined) {
        this.#hold(bytes, start, end);
        return true;
      }
      if (this.#phase >= LINGER) return true;
    }
    if (this.#isWaiting || !mayBegin(this)) {
      this.#isWaiting = true;
      this.#hold(bytes, start, end);
    } else if (this.#held === undefined) this.#readRequests(bytes, start, end);
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
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      this.#readRequests(held, 0, held.length);
    }
    this.#setPaused();
    if (!this.#hasEnded || this.#phase >= LINGER) return;
    if (this.#exchange === undefined) this.#close();
    // It waited behind another when `onEnd` came, and its body isn't whole.
    else if (!this.#exchange.isRequestWhole) this.#outlet.destroy();
  }

  /**
   * Reads one request after another, until a head isn't whole or an exchange takes its time; what is left is
   * held.
   */
  #readRequests(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && this.#phase < LINGER) {
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
    if (this.#searched === 0) {
      start = this.#emptyLines.skip(bytes, start, end);
      if (start === end) return end;
    }
    const { limits } = this.#site.settings;
    const stop = headEnd(bytes, start + this.#searched, end);
    if (stop === -1) {
      this.#isHeadRequest = isHead(bytes, start, end);
      const from = start + this.#searched;
      const error = refusalOfPart(bytes, start, from, end, limits.fieldsMax);
      if (error !== undefined) return this.#refuseHead(statusOf(error), error, end);
      if (end - start > limits.headBytesMax) return this.#refuseHead(431, 'head-too-large', end);
      if (this.#phase === IDLE && bytes[start] !== CR) this.#expectHead();
      this.#searched = Math.max(0, end - start - 3);
      this.#held = Buffer.from(bytes.subarray(start, end));
      return end;
    }
    this.#searched = 0;
    this.#isHeadRequest = isHead(bytes, start, stop);
    if (stop - start > limits.headBytesMax) return this.#refuseHead(431, 'head-too-large', end);
    const head = parseRequestHead(bytes, start, stop, limits.fieldsMax, this.#peer.isTrusted);
    if (typeof head === 'string') return this.#refuseHead(statusOf(head), head, end);

    this.#hasMore = stop < end;
    const exchange = this.#open(head);
    this.#hasMore = false;
    if (stop < end && this.#exchange === exchange && !exchange.isRequestWhole) {
      const bodyEnd = exchange.requestRead(bytes, stop, end);
      if (exchange.isRequestWhole && this.#exchange === exchange) this.#expectAnswer();
      return bodyEnd;
    }
    return stop;
  }

  #open(head: RequestHead): Exchange {
    this.#keepAlive = head.keepAlive;
    this.#isHttp10 = head.isHttp10;
    this.#bytesOutBefore = this.#outlet.bytesOut;
    const exchange = new Exchange(
      this.#site,
      this,
      head,
      this.#peer.originOf(head),
      this.#site.requestIds.of(head.requestId),
    );
    this.#exchange = exchange;
    if (exchange.isRequestWhole) this.#expectAnswer();
    else this.#expectBody();
    exchange.start();
    return exchange;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const more = bytes.subarray(start, end);
    this.#held = this.#held === undefined ? Buffer.from(more) : Buffer.concat([this.#held, more]);
    this.#setPaused();
  }

  /**
   * Nothing more is read while the exchange asks for a pause, or while enough is held already for the next
   * one.
   */
  #setPaused(): void {
    const isPaused = this.#isRequestPaused || (this.#exchange !== undefined && this.#held !== undefined);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#wire.pause();
    else this.#wire.resume();
  }

  onDrain(): void {
    if (this.#phase === ANSWER) this.#touchAnswer();
    this.#exchange?.clientDrained();
  }

  onEnd(): void {
    this.#hasEnded = true;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      // What is held may be a whole request that waits.
      if (this.#isWaiting) return;
      if (this.#held !== undefined) this.#outlet.destroy();
      else if (this.#phase < LINGER) this.#close();
      return;
    }
    if (exchange.isTunnel) exchange.tunnelEnded();
    // A body that was announced and isn't coming: nobody can finish this request.
    else if (!exchange.isRequestWhole) this.#outlet.destroy();
    // Otherwise the client only closed its half: it gets its answer.
  }

  onClose(): void {
    this.deadlineAt = Infinity;
    this.#site.deadlines.remove(this);
    this.#site.closed(this);
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.clientClosed();
  }

  // ---- Time limits ----

  onDeadline(): void {
    switch (this.#phase) {
      case HEAD:
        // Nothing, or no more than empty lines: no request was begun.
        if (this.#held === undefined || this.#held[0] === CR) this.#close();
        else this.#refuseHead(408, 'head-timeout', 0);
        break;
      case REQUEST_BODY:
        if (!this.#isRequestPaused) this.#exchange?.clientStalled();
        // The upstream doesn't read; if that is because the client doesn't either, the client is in the way.
        else if (this.#wire.bufferedBytes === 0 || this.#outlet.hasMoved()) this.#expectBody();
        else this.#wire.reset();
        break;
      case ANSWER:
        if (this.#outlet.hasMoved()) this.#touchAnswer();
        else this.#wire.reset();
        break;
      case IDLE:
        if (!this.#isWaiting) this.#close();
        break;
      case LINGER:
      case FLUSH:
        if (this.#wire.bufferedBytes === 0) this.#wire.destroy();
        else if (this.#outlet.hasMoved() || this.#phase === LINGER)
          this.#expect(FLUSH, this.#site.settings.limits.bodyIdleMs);
        else this.#wire.reset();
        break;
      default:
        this.#wire.destroy();
    }
  }

  #expect(phase: number, ms: number): void {
    this.#phase = phase;
    this.deadlineAt = this.#site.deadlines.after(ms);
  }
  #expectHead(): void {
    this.#expect(HEAD, this.#site.settings.limits.headTimeMs);
  }
  #expectBody(): void {
    this.#expect(REQUEST_BODY, this.#site.settings.limits.bodyIdleMs);
  }
  /** The upstream's own limits run now; the client's begins when it doesn't take what it is sent. */
  #expectAnswer(): void {
    this.#phase = ANSWER;
    this.#touchAnswer();
  }
  #touchAnswer(): void {
    this.#outlet.hasMoved();
    this.deadlineAt =
      this.#wire.bufferedBytes > 0
        ? this.#site.deadlines.after(this.#site.settings.limits.bodyIdleMs)
        : Infinity;
  }
  #tunnelMoved(): void {
    this.#expect(TUNNEL, this.#site.settings.limits.tunnelIdleMs);
  }

  // ---- Answering (ClientSide) ----

  answerHead(status: number, lines: string, bodyBytes: number): void {
    let text = lines;
    if (status >= 200) {
      if (bodyBytes === CHUNKED) {
        if (this.#isHttp10) this.#keepAlive = false;
        else text += 'Transfer-Encoding: chunked\r\n';
      } else if (bodyBytes === UNTIL_CLOSE) this.#keepAlive = false;
      if (this.#site.isClosing || this.#isLast || this.#exchange?.isRequestWhole === false)
        this.#keepAlive = false;
      if (!this.#keepAlive) text += 'Connection: close\r\n';
      else if (this.#isHttp10) text += 'Connection: keep-alive\r\n';
    }
    this.#outlet.text(`${text}\r\n`);
    if (status < 200) this.#outlet.flush();
  }

  answerBytes(bytes: Buffer, start: number, end: number): void {
    this.#outlet.bytes(bytes, start, end);
  }

  answerText(text: string): void {
    this.#outlet.text(text);
  }

  flush(): boolean {
    this.#outlet.flush();
    const isWaiting = this.#wire.bufferedBytes > 0;
    if (this.#phase === TUNNEL) this.#tunnelMoved();
    else if (isWaiting && this.#phase === ANSWER && this.deadlineAt === Infinity) this.#touchAnswer();
    return isWaiting;
  }

  answerEnd(requestIsWhole: boolean): void {
    this.#exchange = undefined;
    this.#isRequestPaused = false;
    this.#outlet.flush();
    if (!this.#keepAlive || !requestIsWhole) {
      this.#close();
      return;
    }
    this.#expect(IDLE, this.#site.settings.limits.idleTimeMs);
    if (this.#held !== undefined || this.#isLast) this.#advance();
    else this.#setPaused();
  }

  refuse(status: number, code: string, fields: string): void {
    const requestIsWhole = this.#exchange?.isRequestWhole ?? false;
    if (!requestIsWhole || this.#site.isClosing || this.#isLast) this.#keepAlive = false;
    const connection = this.#keepAlive
      ? this.#isHttp10
        ? 'Connection: keep-alive\r\n'
        : ''
      : 'Connection: close\r\n';
    this.#outlet.text(refusal(status, code, fields, connection, !this.#isHeadRequest));
    this.answerEnd(requestIsWhole);
  }

  abort(): void {
    this.#exchange = undefined;
    this.#outlet.send();
    this.#wire.reset();
  }

  pauseRequest(): void {
    this.#isRequestPaused = true;
    this.#setPaused();
  }

  resumeRequest(): void {
    this.#isRequestPaused = false;
    if (this.#phase === REQUEST_BODY) this.#expectBody();
    this.#setPaused();
  }

  tunnel(): void {
    this.#outlet.flush();
    this.#tunnelMoved();
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#exchange?.tunnelRead(held, 0, held.length);
    this.#setPaused();
    if (this.#hasEnded) this.#exchange?.tunnelEnded();
  }

  endTunnel(): void {
    this.#outlet.end();
  }

  /**
   * Refuses a request that has no exchange yet, and the connection with it: where the next one would start is
   * anybody's guess.
   */
  #refuseHead(status: number, code: string, end: number): number {
    this.#keepAlive = false;
    this.#bytesOutBefore = this.#outlet.bytesOut;
    this.#site.observer.refused({ address: this.#peer.address, status, code });
    this.refuse(status, code, '');
    return end;
  }

  /** Says goodbye; what the client still sends is read and thrown away for a while. */
  #close(): void {
    this.#held = undefined;
    this.#isRequestPaused = false;
    this.#outlet.end();
    this.#expect(LINGER, LINGER_MS);
    this.#setPaused();
  }
}
