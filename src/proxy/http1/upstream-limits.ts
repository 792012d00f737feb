import type { Deadlines, Timed } from '../deadlines.js';
import type { Limits } from '../limits.js';
import type { Outlet } from '../outlet.js';
import type { UpstreamFault } from '../upstream-fault.js';

/** Where a connection is in its exchange; `idle`: between two, or at the end of an answer. */
type Phase = 'connecting' | 'idle' | 'awaiting-head' | 'body' | 'tunnel' | 'closed';

/** What a connection does about a limit that is reached. */
export interface LateUpstream {
  late(fault: UpstreamFault): void;
  /** Nobody waits for it: it has been idle for too long, or a tunnel doesn't end. */
  spent(): void;
}

/** The time limits of a connection to an upstream: which one runs, and what it means when it is over. */
export class UpstreamLimits implements Timed {
  deadlineAt = Infinity;
  phase: Phase = 'connecting';
  isRequestSent = false;
  hasBody = false;
  /** The upstream may still be taking the request's body when its end has been written. */
  #isTaking = false;
  readonly #limits: Limits;
  readonly #deadlines: Deadlines;
  readonly #outlet: Outlet;
  readonly #upstream: LateUpstream;

  constructor(limits: Limits, deadlines: Deadlines, outlet: Outlet, upstream: LateUpstream) {
    this.#limits = limits;
    this.#deadlines = deadlines;
    this.#outlet = outlet;
    this.#upstream = upstream;
    this.#expect(limits.connectTimeMs);
    deadlines.add(this);
  }

  /** An exchange begins. */
  begin(): void {
    this.phase = 'awaiting-head';
    this.isRequestSent = false;
    this.hasBody = false;
    this.#expectMove();
  }

  /** The request is on its way: from now on the answer is due. */
  requestSent(): void {
    this.isRequestSent = true;
    this.#isTaking = this.hasBody && this.#outlet.wire.bufferedBytes > 0;
    if (this.phase === 'awaiting-head') this.#expectHead();
  }

  /** More of the request was written, or taken: the upstream has to take the rest. */
  requestMoved(): void {
    if (!this.isRequestSent && (this.phase === 'awaiting-head' || this.phase === 'body')) this.#expectMove();
  }

  /** More of the answer's body came, or is due. */
  answerMoved(): void {
    if (this.phase === 'body') this.#expectMove();
  }

  /** The answer is read again after a pause. */
  resumed(): void {
    if (this.phase === 'awaiting-head') this.#expectHead();
    else this.answerMoved();
  }

  upgraded(): void {
    this.phase = 'tunnel';
    this.expectNothing();
  }

  /**
   * A tunnel closes by itself once it has taken what was sent and has ended, too, but not later than this.
   */
  expectGoodbye(): void {
    this.#expectMove();
  }

  /** It waits for its client's next request. */
  expectRequest(idleMs: number): void {
    this.#expect(idleMs);
  }

  expectNothing(): void {
    this.deadlineAt = Infinity;
  }

  stop(): void {
    this.phase = 'closed';
    this.expectNothing();
    this.#deadlines.remove(this);
  }

  onDeadline(): void {
    switch (this.phase) {
      case 'connecting':
        this.#upstream.late('connect-timeout');
        break;
      case 'awaiting-head':
        if (!this.#mayTakeLonger()) this.#upstream.late('answer-timeout');
        break;
      case 'body':
        if (!this.#mayTakeLonger()) this.#upstream.late('body-timeout');
        break;
      default:
        this.#upstream.spent();
    }
  }

  /** A limit is reached. It is none while the upstream takes the request, be it ever so slowly. */
  #mayTakeLonger(): boolean {
    const progress = this.hasBody
      ? this.#outlet.progress(this.#deadlines.nowMs, this.#limits.bodyIdleMs)
      : 'all';
    if (progress === 'nothing') return false;
    if (progress === 'some') {
      this.#isTaking = true;
      this.#expectMove();
      return true;
    }
    if (!this.isRequestSent) {
      // It has taken all that there was: the silence is the client's, whose own limit runs.
      this.answerMoved();
      return true;
    }
    if (!this.#isTaking || this.phase === 'body') return false;
    // Only now it has the whole request.
    this.#isTaking = false;
    this.#expectHead();
    return true;
  }

  /** The answer is due, or more of the request. */
  #expectHead(): void {
    const { answerTimeMs, bodyIdleMs } = this.#limits;
    this.#expect(this.isRequestSent ? answerTimeMs : bodyIdleMs);
  }

  #expectMove(): void {
    this.#expect(this.#limits.bodyIdleMs);
  }

  #expect(ms: number): void {
    this.deadlineAt = this.#deadlines.after(ms);
  }
}
