import type { Timed } from '../deadlines.js';
import type { Outlet } from '../outlet.js';
import type { Site } from '../site.js';
import type { Inflow } from './inflow.js';

/**
 * What a connection waits for. With `linger` and `flush` it is ending, and nothing that comes is
 * read; with `flush` the client is slow to take its answer.
 */
type Phase = 'head' | 'idle' | 'request-body' | 'answer' | 'half-closed' | 'tunnel' | 'linger' | 'flush';

/**
 * After a last answer the client may still be sending: it is read and thrown away this long, so that a reset
 * doesn't reach it before the answer.
 */
const LINGER_MS = 2000;

/**
 * A client that has closed its sending half may wait for its answer, or have gone: only a write tells. An
 * answer that comes within this time is still sent.
 */
const HALF_CLOSED_MS = 500;

/** What a connection does about a limit that is reached. */
export interface LateClient {
  headLate(): void;
  bodyLate(): void;
  idleLate(): void;
  /** It closed its sending half a while ago, and nothing is being sent to it. */
  gone(): void;
}

/** The time limits of a client's connection: which one runs, and what it means when it is over. */
export class ClientLimits implements Timed {
  deadlineAt = Infinity;
  phase: Phase = 'head';
  /** Bytes written when a client that has closed its half was looked at last. */
  #bytesSeen = 0;
  readonly #site: Site;
  readonly #outlet: Outlet;
  readonly #inflow: Inflow;
  readonly #client: LateClient;

  constructor(site: Site, outlet: Outlet, inflow: Inflow, client: LateClient) {
    this.#site = site;
    this.#outlet = outlet;
    this.#inflow = inflow;
    this.#client = client;
    this.expectHead();
    site.deadlines.add(this);
  }

  get isEnding(): boolean {
    return this.phase === 'linger' || this.phase === 'flush';
  }

  stop(): void {
    this.deadlineAt = Infinity;
    this.#site.deadlines.remove(this);
  }

  expectHead(): void {
    this.#expect('head', this.#site.settings.limits.headTimeMs);
  }

  expectRequest(): void {
    this.#expect('idle', this.#site.settings.limits.idleTimeMs);
  }

  expectBody(): void {
    this.#expect('request-body', this.#site.settings.limits.bodyIdleMs);
  }

  /** The upstream's own limits run now; the client's begins when it doesn't take what it is sent. */
  expectAnswer(): void {
    this.phase = 'answer';
    this.#watchAnswer();
  }

  /** More was written for the client. */
  answerSent(isWaiting: boolean): void {
    if (this.phase === 'tunnel') this.tunnelMoved();
    else if (isWaiting && this.phase === 'answer' && this.deadlineAt === Infinity) this.#watchAnswer();
  }

  /** The client has taken all that was written. */
  answerTaken(): void {
    if (this.phase === 'answer') this.#watchAnswer();
  }

  /** The client has closed its sending half while it waits for its answer. */
  expectLeave(): void {
    this.#bytesSeen = this.#outlet.bytesOut;
    this.#expect('half-closed', HALF_CLOSED_MS);
  }

  tunnelMoved(): void {
    this.#expect('tunnel', this.#site.settings.limits.tunnelIdleMs);
  }

  expectGoodbye(): void {
    this.#expect('linger', LINGER_MS);
  }

  /** Both directions have ended; what was written may still wait. */
  expectFlush(): void {
    this.#expect('flush', this.#site.settings.limits.bodyIdleMs);
  }

  onDeadline(): void {
    const { wire } = this.#outlet;
    switch (this.phase) {
      case 'head':
        this.#client.headLate();
        break;
      case 'request-body':
        if (!this.#inflow.isRequestPaused) this.#client.bodyLate();
        // The upstream doesn't read; if that is because the client doesn't either, the client is in the way.
        else if (wire.bufferedBytes === 0 || this.#isTaking) this.expectBody();
        else wire.reset();
        break;
      case 'answer':
        if (this.#isTaking) this.#watchAnswer();
        else wire.reset();
        break;
      case 'half-closed':
        // While it is being sent something, a client that has gone shows itself by a reset.
        if (wire.bufferedBytes > 0 && this.#isTaking)
          this.#expect('half-closed', this.#site.settings.limits.bodyIdleMs);
        else if (wire.bufferedBytes === 0 && this.#bytesSeen !== this.#outlet.bytesOut) this.expectLeave();
        else this.#client.gone();
        break;
      case 'idle':
        this.#client.idleLate();
        break;
      case 'linger':
      case 'flush':
        if (wire.bufferedBytes === 0) wire.destroy();
        else if (this.phase === 'linger' || this.#isTaking) this.expectFlush();
        else wire.reset();
        break;
      case 'tunnel':
        wire.destroy();
    }
  }

  /** The client takes what it is sent, be it ever so slowly. */
  get #isTaking(): boolean {
    const { deadlines, settings } = this.#site;
    return this.#outlet.progress(deadlines.nowMs, settings.limits.bodyIdleMs) !== 'nothing';
  }

  #watchAnswer(): void {
    const isWaiting = this.#outlet.wire.bufferedBytes > 0;
    this.deadlineAt = isWaiting
      ? this.#site.deadlines.after(this.#site.settings.limits.bodyIdleMs)
      : Infinity;
  }

  #expect(phase: Phase, ms: number): void {
    this.phase = phase;
    this.deadlineAt = this.#site.deadlines.after(ms);
  }
}
