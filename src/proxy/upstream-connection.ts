import { isLocalError } from '../base/local-error.js';
import { BROKEN, ChunkedReader, DONE, type ChunkSink } from './http1/chunked.js';
import { headEnd } from './http1/head-end.js';
import { CHUNKED } from './http1/request-head.js';
import { parseResponseHead, refusalOfPart, type ResponseHead, UNTIL_CLOSE } from './http1/response-head.js';
import type { Deadlines, Timed } from './deadlines.js';
import type { Limits } from './limits.js';
import { Outlet } from './outlet.js';
import type { UpstreamFault } from './upstream-fault.js';
import type { ConnectHandler, ConnectTarget, Engine, Wire } from './wire.js';

/** The exchange as its upstream's side sees it. */
export interface UpstreamUser {
  readonly method: string;
  readonly takesChunks: boolean;
  upstreamReady(): void;
  answerHead(head: ResponseHead): void;
  answerBytes(bytes: Buffer, start: number, end: number): void;
  answerText(text: string): void;
  answerEnd(): void;
  upstreamDrained(): void;
  upstreamFailed(fault: UpstreamFault, error: Error | undefined): void;
  /** After each read: sends what was gathered; answers whether bytes of it wait in the client's buffer. */
  answerFlush(): boolean;
}

/** Where connections report to: the upstream that they belong to. */
export interface ConnectionOwner {
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  /** It is closed, and no longer among the idle ones. */
  closed(connection: UpstreamConnection): void;
}

const CONNECTING = 0;
const IDLE = 1;
const AWAITING_HEAD = 2;
const BODY = 3;
const TUNNEL = 4;
const CLOSED = 5;

/** One connection to an upstream: it carries one exchange at a time, and waits for the next between two. */
export class UpstreamConnection implements ConnectHandler, ChunkSink, Timed {
  deadlineAt = Infinity;
  outlet!: Outlet;
  /** Exchanges begun on it; above 1, the upstream may have closed it just as the request left. */
  uses = 0;
  /** When it became idle, and how long the upstream will keep it. */
  idleSince = 0;
  idleMs: number;
  /** Where it stands in its owner's list of idle connections; -1: not there. */
  idleSlot = -1;

  readonly #owner: ConnectionOwner;
  #wire!: Wire;
  #state = CONNECTING;
  #user: UpstreamUser | undefined;
  /** The beginning of a head that came in pieces. */
  #partial: Buffer | undefined;
  #bodyLeft = 0;
  #chunks: ChunkedReader | undefined;
  #keepAlive = true;
  #isRequestSent = false;
  #fault: UpstreamFault | undefined;

  private constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.idleMs = owner.limits.upstreamIdleMs;
  }

  static open(
    engine: Engine,
    target: ConnectTarget,
    owner: ConnectionOwner,
    user: UpstreamUser,
  ): UpstreamConnection {
    const connection = new UpstreamConnection(owner);
    connection.#user = user;
    connection.uses = 1;
    connection.deadlineAt = owner.deadlines.after(owner.limits.connectTimeMs);
    owner.deadlines.add(connection);
    connection.#wire = engine.connect(target, connection);
    connection.outlet = new Outlet(connection.#wire);
    return connection;
  }

  /** False from the moment it is known to be closed, which is a little before `closed` is told. */
  get isOpen(): boolean {
    return this.#wire.isOpen;
  }

  /** An idle connection is given its next exchange. */
  take(user: UpstreamUser): void {
    this.#user = user;
    this.uses++;
    this.#begin();
  }

  /** The request is on its way: from now on the answer is due. */
  requestSent(): void {
    this.#isRequestSent = true;
    if (this.#state === AWAITING_HEAD)
      this.deadlineAt = this.#owner.deadlines.after(this.#owner.limits.answerTimeMs);
  }

  /** More of the request was written: the upstream has to take it. */
  requestMoved(): void {
    if (this.#state === AWAITING_HEAD)
      this.deadlineAt = this.#owner.deadlines.after(this.#owner.limits.bodyIdleMs);
  }

  pause(): void {
    // While the client is too slow, the silence isn't the upstream's.
    this.deadlineAt = Infinity;
    this.#wire.pause();
  }

  resume(): void {
    this.#touch();
    this.#wire.resume();
  }

  /** From here on bytes go through unread, both ways. */
  tunnel(): void {
    this.#state = TUNNEL;
    this.deadlineAt = Infinity;
  }

  /**
   * The exchange is over, cleanly or not; the user hears nothing more. Answers whether the connection can be
   * used again.
   */
  detach(): boolean {
    this.#user = undefined;
    return this.#state === IDLE && this.#keepAlive;
  }

  /**
   * Both sides of a tunnel have ended: it closes by itself once it has taken what was sent, but not later
   * than this.
   */
  linger(): void {
    this.detach();
    this.deadlineAt = this.#owner.deadlines.after(this.#owner.limits.bodyIdleMs);
  }

  destroy(): void {
    this.#wire.destroy();
  }

  /** Closes so that the upstream sees that the request was cut. */
  reset(): void {
    this.#wire.reset();
  }

  end(): void {
    this.outlet.end();
  }

  onConnect(): void {
    this.#begin();
    this.#user?.upstreamReady();
  }

  onBytes(bytes: Buffer, start: number, end: number): boolean {
    const user = this.#user;
    if (user === undefined) {
      // Nobody asked: an answer to no request would be taken for the next one's.
      this.#wire.destroy();
      return false;
    }
    this.#read(bytes, start, end);
    return user.answerFlush();
  }

  onDrain(): void {
    this.#user?.upstreamDrained();
  }

  onEnd(): void {
    const user = this.#user;
    if (user === undefined || this.#state === IDLE) {
      this.#wire.destroy();
      return;
    }
    if (this.#state === TUNNEL || (this.#state === BODY && this.#bodyLeft === UNTIL_CLOSE)) {
      this.#finish();
      return;
    }
    this.#fail('closed');
  }

  onClose(error: Error | undefined): void {
    const wasConnecting = this.#state === CONNECTING;
    this.#state = CLOSED;
    this.deadlineAt = Infinity;
    this.#owner.deadlines.remove(this);
    this.#owner.closed(this);
    const user = this.#user;
    this.#user = undefined;
    const fault = !wasConnecting ? 'closed' : isLocalError(error) ? 'local' : 'connect';
    user?.upstreamFailed(this.#fault ?? fault, error);
  }

  onDeadline(): void {
    switch (this.#state) {
      case CONNECTING:
        this.#fail('connect-timeout');
        break;
      case AWAITING_HEAD:
        // It has taken all that there was: the silence is the client's, whose own limit runs.
        if (!this.#isRequestSent && this.#wire.bufferedBytes === 0) return;
        this.#fail('answer-timeout');
        break;
      case BODY:
        this.#fail('body-timeout');
        break;
      default:
        this.#wire.destroy();
    }
  }

  chunkBytes(bytes: Buffer, start: number, end: number): void {
    this.#user?.answerBytes(bytes, start, end);
  }

  chunkText(text: string): void {
    this.#user?.answerText(text);
  }

  #begin(): void {
    this.#state = AWAITING_HEAD;
    this.deadlineAt = this.#owner.deadlines.after(this.#owner.limits.bodyIdleMs);
    this.#partial = undefined;
    this.#isRequestSent = false;
    this.#keepAlive = true;
  }

  #touch(): void {
    if (this.#state === BODY) this.deadlineAt = this.#owner.deadlines.after(this.#owner.limits.bodyIdleMs);
  }

  #read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#state === AWAITING_HEAD) {
      if (this.#partial !== undefined) {
        bytes = Buffer.concat([this.#partial, bytes.subarray(start, end)]);
        at = 0;
        end = bytes.length;
        this.#partial = undefined;
      }
      at = this.#readHeads(bytes, at, end);
      if (at === -1 || this.#user === undefined) return;
    }
    if (this.#state === TUNNEL) {
      if (at < end) this.#user?.answerBytes(bytes, at, end);
      return;
    }
    if (this.#state === BODY) at = this.#readBody(bytes, at, end);
    // Behind the end of an answer nothing may stand.
    if (this.#state === IDLE && at < end) this.#keepAlive = false;
    if (this.#state === IDLE) this.#finish();
  }

  /**
   * Reads 1xx heads and the final one; returns where the body starts, or -1 when the head isn't whole or was
   * refused.
   */
  #readHeads(bytes: Buffer, start: number, end: number): number {
    const { limits } = this.#owner;
    for (;;) {
      const stop = headEnd(bytes, start, end);
      if (stop === -1) {
        if (end - start > limits.headBytesMax) return this.#refuse('head-too-large');
        const wrong = refusalOfPart(bytes, start, end, this.#user!.method, limits.fieldsMax);
        if (wrong !== undefined) return this.#refuse(wrong);
        if (end > start) this.#partial = Buffer.from(bytes.subarray(start, end));
        return -1;
      }
      if (stop - start > limits.headBytesMax) return this.#refuse('head-too-large');
      const user = this.#user!;
      const head = parseResponseHead(bytes, start, stop, user.method, limits.fieldsMax);
      if (typeof head === 'string') return this.#refuse(head);
      start = stop;
      if (head.status >= 200 || head.status === 101) this.#expectBody(head);
      user.answerHead(head);
      if (this.#user !== user || head.status >= 200 || head.status === 101) return start;
    }
  }

  #expectBody(head: ResponseHead): void {
    this.#keepAlive = head.keepAlive;
    // A second before the upstream closes it, it's no longer taken (undici and nginx users know the race).
    if (head.keepAliveMs >= 0)
      this.idleMs = Math.min(this.#owner.limits.upstreamIdleMs, Math.max(0, head.keepAliveMs - 1000));
    this.#bodyLeft = head.bodyBytes;
    this.#chunks = head.bodyBytes === CHUNKED ? new ChunkedReader(this.#user!.takesChunks) : undefined;
    this.#state = head.bodyBytes === 0 ? IDLE : BODY;
    if (this.#state === IDLE) this.deadlineAt = Infinity;
    else this.#touch();
  }

  #readBody(bytes: Buffer, start: number, end: number): number {
    this.#touch();
    if (this.#chunks !== undefined) {
      const stop = this.#chunks.read(bytes, start, end, this);
      if (this.#chunks.state === DONE) this.#state = IDLE;
      else if (this.#chunks.state === BROKEN) this.#fail('chunk');
      return stop;
    }
    if (this.#bodyLeft === UNTIL_CLOSE) {
      if (start < end) this.#user?.answerBytes(bytes, start, end);
      return end;
    }
    const take = Math.min(this.#bodyLeft, end - start);
    if (take > 0) this.#user?.answerBytes(bytes, start, start + take);
    this.#bodyLeft -= take;
    if (this.#bodyLeft === 0) this.#state = IDLE;
    return start + take;
  }

  /** The answer is whole. */
  #finish(): void {
    this.deadlineAt = Infinity;
    this.#user?.answerEnd();
  }

  #refuse(fault: UpstreamFault): -1 {
    this.#fail(fault);
    return -1;
  }

  #fail(fault: UpstreamFault): void {
    this.#fault = fault;
    const user = this.#user;
    this.#user = undefined;
    this.#wire.destroy();
    user?.upstreamFailed(fault, undefined);
  }
}
