import type { Clock } from '../base/clock.js';
import { IDEMPOTENT_METHODS } from '../base/idempotent-methods.js';
import type { Outcome } from '../route/outcome.js';
import type { Pool } from '../route/pool/pool.js';
import type { Decision } from '../route/router.js';
import { walk } from '../route/walk.js';
import { answer, type ClientResponse } from './answer.js';
import { CallError, type CallTry, type TryResult } from './call-error.js';
import { faultOf, type FetchFault } from './fetch-fault.js';
import { invalidCall } from './invalid-call.js';
import type { CallBody } from './call-body.js';
import { TryWatch } from './try-watch.js';

/** What all calls of a client share. */
export interface CallGround {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly triesMax: number;
  /** Infinity: as long as the call has. */
  readonly answerTimeMs: number;
  /** A try that was silent for this long speaks against its upstream. */
  readonly patienceMs: number;
}

/** One call, checked. */
export interface CallRequest {
  readonly target: string;
  readonly method: string;
  /** True: the caller says that it may be sent twice whatever its method. */
  readonly isIdempotent: boolean;
  /** For `fetch`, without body and signal. */
  readonly init: RequestInit;
  readonly body: CallBody;
  readonly signal: AbortSignal | undefined;
  readonly deadlineMs: number;
  /** Told once, when nothing of the call goes on any more. */
  over(): void;
}

/** One request and its answer: to the key's owner, then, while that is safe, to its backups in order. */
export class Call {
  readonly #ground: CallGround;
  readonly #request: CallRequest;
  readonly #decision: Decision;
  readonly #startedAt: number;
  readonly #tries: CallTry[] = [];
  #isTrial = false;
  #isOver = false;
  /** It broke off or was silent; whether the request itself is why is not known before the next try ends. */
  #suspect: { readonly upstream: string; readonly isTrial: boolean } | undefined;
  #hasSuspected = false;

  constructor(ground: CallGround, request: CallRequest, decision: Decision) {
    this.#ground = ground;
    this.#request = request;
    this.#decision = decision;
    this.#startedAt = ground.clock.monotonic();
  }

  async run(): Promise<ClientResponse> {
    try {
      // Who has aborted before asks nobody, and takes no trial away from others.
      this.#request.signal?.throwIfAborted();
      if (!this.#stand()) throw this.#failure();
      for (;;) {
        const response = await this.#try();
        if (response !== undefined) return response;
      }
    } catch (error) {
      this.#settle();
      this.#over();
      throw error;
    }
  }

  /** The upstream that the decision stands at. */
  get #id(): string {
    return this.#decision.pool.upstreams[this.#decision.index]!.id;
  }

  /** May it be sent again although an upstream may have carried it out? */
  get #isRepeatable(): boolean {
    const { body, isIdempotent, method } = this.#request;
    return body.isRepeatable && (isIdempotent || IDEMPOTENT_METHODS.has(method));
  }

  /**
   * Finds the upstream to try now, from where the decision stands; false when none is left or enough were
   * tried.
   */
  #stand(): boolean {
    const { pool, triesMax } = this.#ground;
    const stop = walk(this.#decision, pool, triesMax - this.#tries.length);
    this.#isTrial = stop === 'trial';
    return stop !== 'none';
  }

  /**
   * Undefined: it came to nothing, and the decision stands at the next upstream. Throws when there is no next
   * one.
   */
  async #try(): Promise<ClientResponse | undefined> {
    const { pool, clock, answerTimeMs, patienceMs } = this.#ground;
    const { signal, deadlineMs } = this.#request;
    const leftMs = deadlineMs - (clock.monotonic() - this.#startedAt);
    if (leftMs <= 0) {
      this.#abandonTrial();
      throw this.#late();
    }
    const watch = new TryWatch(clock, signal, { leftMs, answerTimeMs });
    const sent = this.#send(watch.signal);
    let response: Response;
    try {
      response = await watch.race(sent);
    } catch (error) {
      watch.end();
      // A fetch that pays no heed to its signal may answer yet.
      void sent.then((late) => late.body?.cancel()).catch(() => {});
      this.#passOn(error, watch, leftMs >= patienceMs);
      return undefined;
    }
    const upstream = this.#id;
    const { outcome } = this.#decision;
    this.#settle();
    if (typeof response?.status !== 'number' || !(response.headers instanceof Object)) {
      watch.end();
      this.#abandonTrial();
      throw invalidCall('The `fetch` of createClient gave something that is no Response.');
    }
    // As at the gateway, whoever answers is there, whatever the status: an upstream that sheds load with 503
    // must not lose all of it.
    pool.requestSucceeded(upstream);
    if (response.status === 503 && this.#isRepeatable && this.#leave({ upstream, result: 'unavailable' })) {
      watch.end();
      void response.body?.cancel().catch(() => {});
      return undefined;
    }
    return this.#answer(response, upstream, outcome, watch);
  }

  async #send(signal: AbortSignal): Promise<Response> {
    const { init, body, target } = this.#request;
    const { url } = this.#decision.pool.upstreams[this.#decision.index]!;
    // A redirect is the app's own answer; followed, it would take the request's fields to wherever it points.
    const options = { ...init, ...body.init(), redirect: 'manual', signal } as const;
    return await this.#ground.fetch(url + target, options as RequestInit);
  }

  /** The try failed: says so to the pool, and moves to the next upstream or throws. */
  #passOn(error: unknown, watch: TryWatch, hadItsTime: boolean): void {
    const { body, signal } = this.#request;
    const upstream = this.#id;
    const isOwn = watch.stop === 'abort' || (watch.stop === undefined && body.failure !== undefined);
    if (isOwn) {
      this.#abandonTrial();
      throw watch.stop === 'abort' ? signal!.reason : body.failure!.error;
    }
    const fault = watch.stop === undefined ? faultOf(error) : undefined;
    this.#count(fault, upstream, hadItsTime);
    if (fault === 'caller') throw refused(error);
    const result: TryResult = fault === undefined ? 'silent' : RESULT[fault];
    const mayGoOn =
      watch.stop !== 'deadline' &&
      fault !== 'content' &&
      (result === 'unreachable' ? body.isRepeatable : this.#isRepeatable);
    const done: CallTry = { upstream, result, ...(watch.stop === undefined && { error }) };
    if (!mayGoOn) this.#tries.push(done);
    else if (this.#leave(done)) return;
    throw this.#failure();
  }

  /** Says to the pool what a failed try means. `fault` is undefined for silence. */
  #count(fault: FetchFault | undefined, upstream: string, hadItsTime: boolean): void {
    const { pool, clock } = this.#ground;
    if (fault === 'unreachable') pool.requestFailed(upstream, clock.monotonic());
    // At the end of a call that others delayed, or that its caller gave little time, silence is nobody's
    // fault.
    else if (fault === 'broken' || (fault === undefined && hadItsTime)) this.#blame(upstream);
    else this.#abandonTrial();
  }

  /**
   * What the request itself may have caused counts once a call, and for nobody where the next upstream fails
   * alike: else one request that crashes its handler takes every upstream away from everybody.
   */
  #blame(upstream: string): void {
    if (!this.#hasSuspected) {
      this.#hasSuspected = true;
      this.#suspect = { upstream, isTrial: this.#isTrial };
      return;
    }
    this.#abandonTrial();
    if (this.#suspect?.isTrial === true) this.#ground.pool.abandonTrial(this.#suspect.upstream);
    this.#suspect = undefined;
  }

  /** No other upstream failed alike: it counts. */
  #settle(): void {
    const { pool, clock } = this.#ground;
    if (this.#suspect !== undefined) pool.requestFailed(this.#suspect.upstream, clock.monotonic());
    this.#suspect = undefined;
  }

  /** Moves on to the next upstream that can be tried. False: there is none. */
  #leave(done: CallTry): boolean {
    this.#tries.push(done);
    this.#decision.next(done.result === 'unreachable' ? 'unreachable' : 'broken');
    return this.#stand();
  }

  #abandonTrial(): void {
    if (this.#isTrial) this.#ground.pool.abandonTrial(this.#id);
  }

  #answer(response: Response, upstream: string, outcome: Outcome, watch: TryWatch): ClientResponse {
    const { pool, clock } = this.#ground;
    const { body, signal } = this.#request;
    // Without the 503 that stands after all, since nobody is left to ask.
    const before = this.#tries.filter((each) => each.upstream !== upstream);
    watch.answered();
    return answer(
      response,
      { upstream, outcome, tries: [...before, { upstream, result: 'answered' }] },
      watch,
      {
        done: () => this.#over(),
        broken: (error) => {
          const { failure } = body;
          const isUpstreams = failure === undefined && faultOf(error) === 'broken';
          if (isUpstreams && !this.#hasSuspected) pool.requestFailed(upstream, clock.monotonic());
          this.#over();
          return failure === undefined
            ? broken([...before, { upstream, result: 'broken', error }])
            : failure.error;
        },
        stopped: () => {
          this.#over();
          return watch.stop === 'abort'
            ? signal!.reason
            : this.#late([...before, { upstream, result: 'silent' }]);
        },
      },
    );
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#request.body.drop();
    this.#request.over();
  }

  /** Why there is no answer: what befell the last upstream asked. */
  #failure(): CallError {
    switch (this.#tries.at(-1)?.result) {
      case 'broken':
        return broken(this.#tries);
      case 'silent':
        return this.#late();
      default:
        return noUpstream(this.#tries);
    }
  }

  #late(tries: readonly CallTry[] = this.#tries): CallError {
    const { deadlineMs } = this.#request;
    const times = Math.min(deadlineMs, this.#ground.answerTimeMs);
    return new CallError(
      'STICKY_DEADLINE',
      `No whole answer in time${asked(tries)}. Answer 504, or allow more than ${times} ms (deadline, answerTime).`,
      tries,
    );
  }
}

const RESULT: Readonly<Record<Exclude<FetchFault, 'caller'>, TryResult>> = {
  local: 'unreachable',
  unreachable: 'unreachable',
  broken: 'broken',
  content: 'broken',
  foreign: 'broken',
};

function refused(error: unknown): Error {
  const { cause = error } = error as { cause?: unknown };
  const { code } = (typeof cause === 'object' && cause !== null ? cause : {}) as { code?: unknown };
  return invalidCall(
    `fetch refuses to send this request${typeof code === 'string' ? ` (${code})` : ''}; see \`cause\`. It counts for no upstream. Look at its fields, its body and the options of the call.`,
    error,
  );
}

function broken(tries: readonly CallTry[]): CallError {
  const { upstream } = tries.at(-1)!;
  return new CallError(
    'STICKY_UPSTREAM_BROKEN',
    `Upstream ${upstream} was reached and gave no whole answer${asked(tries)}. It may have done what was asked. Answer 502.`,
    tries,
  );
}

function noUpstream(tries: readonly CallTry[]): CallError {
  const what =
    tries.length === 0
      ? 'No upstream takes this request: those that may are down or draining'
      : `No upstream could take this request${asked(tries)}`;
  return new CallError(
    'STICKY_NO_UPSTREAM',
    `${what}. Answer 503; those that failed are tried again after failTimeout.`,
    tries,
  );
}

/** ` (api-1 unreachable, api-2 broken)` */
function asked(tries: readonly CallTry[]): string {
  return tries.length === 0
    ? ''
    : ` (${tries.map(({ upstream, result }) => `${upstream} ${result}`).join(', ')})`;
}
