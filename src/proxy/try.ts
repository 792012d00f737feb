import type { Decision } from '../route/router.js';
import { blameFor } from './blame.js';
import type { ServedRoute } from './served-route.js';
import { Http1Upstream } from './http1/upstream.js';
import { LoggedIn } from './logged-in.js';
import type { AnswerTaker, Belonging, UpstreamSide } from './sides.js';
import type { UpstreamTally } from './tally.js';
import type { UpstreamEndpoint } from './upstream-endpoint.js';
import type { UpstreamFault } from './upstream-fault.js';

/**
 * One request at one upstream: at the one where its decision stands. What it says of the upstream is said
 * once, by `answered` or `failed`; a trial of which nothing was said is abandoned when it is over.
 */
export class Try {
  readonly route: ServedRoute;
  readonly decision: Decision;
  #side: UpstreamSide | undefined;
  readonly #endpoint: UpstreamEndpoint;
  readonly #isTrial: boolean;
  /** An idle connection was taken in vain: the next one is new. */
  #wantsNew = false;
  #wasRefused = false;
  #wantsHttp1 = false;
  #isJudged = false;
  #isTunnel = false;
  #isOver = false;

  constructor(route: ServedRoute, decision: Decision, isTrial: boolean) {
    this.route = route;
    this.decision = decision;
    this.#endpoint = route.pool.endpoint(decision.pool.upstreams[decision.index]!);
    this.#isTrial = isTrial;
    route.pool.begin(this.#endpoint);
  }

  get upstreamId(): string {
    return this.#endpoint.id;
  }

  get tally(): UpstreamTally {
    return this.#endpoint.tally;
  }

  /** `host[:port]` of the upstream's URL. */
  get authority(): string {
    return this.#endpoint.authority;
  }

  /** From `connect` on, until it fails. */
  get side(): UpstreamSide | undefined {
    return this.#side;
  }

  /** True: a connection is ready now. Otherwise the taker is told when one is. */
  connect(taker: AnswerTaker, isRepeatable: boolean, upgrade: string, own: Belonging | undefined): boolean {
    const { http2 } = this.#endpoint;
    if (http2 !== undefined && !this.#wantsHttp1) {
      // Only WebSockets have a way of their own there (RFC 8441).
      if (upgrade === '' || (upgrade === 'websocket' && http2.mayTakeProtocols)) {
        const stream = http2.open(taker, upgrade !== '');
        this.#side = stream;
        return stream.isReady;
      }
    }
    const idle = this.#wantsNew
      ? undefined
      : ((own instanceof LoggedIn ? own.take(this.#endpoint, taker) : undefined) ??
        this.#endpoint.takeIdle(taker, !isRepeatable));
    this.#side = idle ?? this.#endpoint.connect(taker);
    return idle !== undefined;
  }

  /** What this client's connection has logged in, now that an answer is whole. */
  loggedIn(before: Belonging | undefined): Belonging | undefined {
    const connection = this.#side;
    if (!(connection instanceof Http1Upstream) || !connection.isLoggedIn) return before;
    if (before instanceof LoggedIn && before.connection === connection) return before;
    before?.end();
    return new LoggedIn(this.#endpoint, connection);
  }

  /**
   * The same request may go to the same upstream again, at once. A connection that had waited was closed by
   * its upstream in the moment of the request, which is no fault of the upstream's: once, and the next one is
   * new. Or the upstream says that it has not processed the request, whatever its method (RFC 9113 §8.7):
   * once. Or an upgrade has to go by HTTP/1.1.
   */
  goesOn(fault: UpstreamFault, isRepeatable: boolean, isBodyKept: boolean): boolean {
    switch (fault) {
      case 'closed':
        if (!isRepeatable || this.#wantsNew || this.side?.isReused !== true) return false;
        return (this.#wantsNew = true);
      case 'refused':
        if (!isBodyKept || this.#wasRefused) return false;
        return (this.#wasRefused = true);
      case 'needs-http1':
        return (this.#wantsHttp1 = true);
      default:
        return false;
    }
  }

  /** The answer's head has come: whatever comes now, the upstream is there. */
  answered(): void {
    if (this.#isJudged || this.#isOver) return;
    this.#isJudged = true;
    const { outcome, why } = this.decision;
    // A user who has a key is not bound anew: it leaves at its turn, and its key's next candidate serves it.
    if (outcome === 'moved' || (outcome === 'borrowed' && why === 'draining'))
      this.route.pool.moved(this.decision);
    this.route.pool.answered(this.#endpoint, this.decision.pool);
  }

  /**
   * It gave no answer. `mayDoubt`: the request was sent whole, so silence says something of the upstream.
   * `cause`: for logs. True: the upstream is in doubt (blame.ts), if the next one doesn't fail alike.
   */
  failed(fault: UpstreamFault, mayDoubt: boolean, cause: string = fault): boolean {
    const blame = this.#isJudged || this.#isOver ? 'nobody' : blameFor(fault);
    const { pool } = this.route;
    if (blame === 'upstream') {
      this.#isJudged = true;
      pool.failed(this.upstreamId, cause);
    }
    const isInDoubt = blame === 'doubt' && mayDoubt;
    if (isInDoubt) {
      this.#isJudged = true;
      // A trial is checked whatever the others say: nobody else may go there until it is settled.
      if (this.#isTrial) pool.doubted(this.upstreamId);
    }
    this.over();
    return isInDoubt && !this.#isTrial;
  }

  /** From now on data passes both ways. */
  upgraded(): void {
    this.side?.upgraded();
    if (this.#isOver || this.#isTunnel) return;
    this.#isTunnel = true;
    this.#endpoint.tally.tunnels++;
  }

  /** It was given up, and not because of the upstream; or its answer is whole. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isTunnel) this.#endpoint.tally.tunnels--;
    const { pool } = this.route;
    pool.finish(this.#endpoint);
    if (this.#isTrial && !this.#isJudged) pool.abandonTrial(this.upstreamId);
  }
}
