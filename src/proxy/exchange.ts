import { causeOf } from '../base/cause.js';
import { IDEMPOTENT_METHODS } from '../base/idempotent-methods.js';
import type { RequestFacts } from '../route/facts.js';
import { prepare } from '../route/preparation.js';
import { decide, type Decision } from '../route/router.js';
import { walk } from '../route/walk.js';
import { Doubts } from './blame.js';
import { answerLines, ownLines } from './answer-lines.js';
import { editFacts } from './edit-text.js';
import { editFields } from './edits.js';
import { ownRefusal, type AnsweringRoute } from './own-answer.js';
import type { ChunkFault } from './http1/chunked.js';
import { fieldLine } from './field-line.js';
import type { Origin } from './forwarded.js';
import { isEventStream, isLongBody, Lasting } from './lasting.js';
import { ownAnswer, type ServedRoute } from './served-route.js';
import type { RequestHead } from './http1/request-head.js';
import { requestFacts } from './request-facts.js';
import { NO_BODY, RequestBody, type BodyOnItsWay } from './request-body.js';
import type { Protocol, RequestRecord } from './request-record.js';
import type { AnswerHead, AnswerTaker, ClientSide, Refusal, RequestTaker } from './sides.js';
import { addedLines, sentLines } from './sent-lines.js';
import type { Site } from './site.js';
import type { UpstreamTally } from './tally.js';
import { Try } from './try.js';
import { answerTo, isShortage, isUnreachable, type UpstreamFault } from './upstream-fault.js';

/**
 * How far an exchange is: no answer yet; its head has passed; upgraded; upgraded, and the upstream has ended
 * its direction; over.
 */
type Phase = 'asking' | 'answering' | 'tunnel' | 'half-tunnel' | 'over';

/**
 * One request and its answer: routed once, tried on one upstream after the other while that is safe, streamed
 * back, counted. The client's side and the upstream's side meet here and nowhere else: see sides.ts.
 */
export class Exchange implements RequestTaker, AnswerTaker, RequestRecord {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly startedAt: number;
  readonly clientAddress: string;
  route: ServedRoute | AnsweringRoute | undefined;
  decision: Decision | undefined;
  status = 0;
  tries = 0;
  triedAt = 0;
  answeredAt = 0;
  endedAt = 0;
  isUpgraded = false;
  fault: UpstreamFault | undefined;
  cause: string | undefined;
  upstreamId: string | undefined;
  tally: UpstreamTally | undefined;

  readonly #site: Site;
  readonly #client: ClientSide;
  readonly #facts: RequestFacts;
  readonly #forwardedFields: string;
  readonly #body: BodyOnItsWay;
  #phase: Phase = 'asking';
  #try: Try | undefined;
  #isAnswerPaused = false;
  #lasting: Lasting | undefined;
  /** Made when a try ends in doubt. */
  #doubts: Doubts | undefined;

  constructor(site: Site, client: ClientSide, head: RequestHead, origin: Origin, requestId: string) {
    this.#site = site;
    this.#client = client;
    this.head = head;
    this.clientAddress = origin.address;
    this.requestId = requestId;
    this.startedAt = site.clock.monotonic();
    this.#forwardedFields = origin.fields;
    this.#body =
      head.bodyBytes === 0 && head.upgrade === ''
        ? NO_BODY
        : new RequestBody(client, site.settings.limits.keptBodyBytesMax);
    this.#facts = requestFacts(head, origin, site.clock.now());
  }

  get protocol(): Protocol {
    return this.head.isHttp10 ? 'HTTP/1.0' : this.#client.version;
  }
  get requestBytes(): number {
    return this.#client.requestBytes;
  }
  get answeredBytes(): number {
    return this.#client.answeredBytes;
  }

  /** Begins: finds the route and asks the router. */
  start(): void {
    if (this.head.method === 'CONNECT' || this.head.method === 'TRACE')
      return this.#refuse(
        405,
        'method-not-allowed',
        fieldLine('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'),
      );
    const route = this.#site.settings.routeFor(this.#facts);
    if (route === undefined) return this.#refuse(404, 'no-route');
    this.route = route;
    const own = ownAnswer(route, this.#facts.line, this.head.host);
    if (own !== undefined) return this.#answerWith(ownRefusal(own, editFacts(this, this.#facts.line)));
    if (route.pool === undefined) return;
    // Frames have no chunks in them.
    if (route.pool.isHttp2) this.head.inChunks = false;
    const waiting = route.mayWait ? prepare(route.affinity, this.#facts, route.pool.snapshot) : undefined;
    if (waiting === undefined) this.#decide(route);
    else void waiting.then(() => this.#decide(route));
  }

  #decide(route: ServedRoute): void {
    if (this.#phase === 'over') return;
    const { affinity, pool } = route;
    const first = route.binds ? this.#client.firstBinding?.(pool) : undefined;
    const decision = decide(affinity, this.#facts, pool.snapshot, pool.load, this.#site.random, first);
    pool.stays.holdBack(decision);
    this.decision = decision;
    this.#tryNext(route, decision);
  }

  // ---- The request, from the client's side ----

  requestData(bytes: Buffer, start: number, end: number): void {
    this.#body.data(bytes, start, end);
  }

  requestFlush(): void {
    this.#body.flush();
  }

  requestEnd(trailers: string): void {
    this.#body.end(trailers);
    if (this.#phase === 'half-tunnel') this.#answered();
  }

  requestBroken(fault: ChunkFault): void {
    this.fault = fault;
    this.cause = undefined;
    this.#cutShort(400, fault);
  }

  clientStalled(): void {
    this.#cutShort(408, 'body-timeout');
  }

  clientDrained(): void {
    if (!this.#isAnswerPaused) return;
    this.#isAnswerPaused = false;
    this.#try?.side?.resume();
  }

  clientClosed(isReset: boolean): void {
    if (this.#phase === 'over') return;
    // 499 as in nginx: nobody was there to take the answer.
    if (!this.#isTunnel) this.status = 499;
    // An end stays an end, and a reset a reset.
    if (this.#isTunnel && !isReset) this.#endTunnel();
    else this.#dropUpstream();
    this.#finish();
  }

  /** The upstream gets what was sent to it, and then the end. */
  #endTunnel(): void {
    const attempt = this.#try;
    this.#try = undefined;
    if (!this.#body.isWhole) this.#body.end('');
    attempt?.side?.over();
    attempt?.over();
  }

  /** The request can't be whole any more. */
  #cutShort(status: number, code: string): void {
    this.#dropUpstream();
    if (this.#phase === 'asking') this.#refuse(status, code);
    else this.#abort();
  }

  // ---- The upstreams, one after the other ----

  #tryNext(route: ServedRoute, decision: Decision): void {
    const stop = walk(decision, route.pool, this.#site.settings.limits.triesMax - this.tries);
    if (stop === 'none') {
      this.#giveUp(route, decision);
      return;
    }
    const attempt = new Try(route, decision, stop === 'trial');
    this.#try = attempt;
    this.upstreamId = attempt.upstreamId;
    this.tally = attempt.tally;
    this.triedAt = this.tries++ === 0 ? this.startedAt : this.#site.clock.monotonic();
    this.#connect(attempt);
  }

  #connect(attempt: Try): void {
    const { upgrade } = this.head;
    if (attempt.connect(this, this.#isRepeatable(), upgrade, this.#client.loggedIn)) this.upstreamReady();
  }

  upstreamReady(): void {
    const attempt = this.#try;
    const side = attempt?.side;
    if (attempt === undefined || side === undefined) return;
    const elapsedMs = this.head.isGrpc ? this.#site.clock.monotonic() - this.startedAt : 0;
    side.send(
      this.head,
      sentLines(attempt, this, this.#facts.line, elapsedMs),
      this.#forwardedFields + addedLines(attempt, this),
    );
    this.#body.sendTo(side);
    if (!this.#body.isWhole && isLongBody(this.head)) this.#lasts('upload');
  }

  upstreamDrained(): void {
    this.#body.resume();
  }

  upstreamFailed(fault: UpstreamFault, error: Error | undefined): void {
    const attempt = this.#try;
    if (attempt === undefined) return;
    this.#body.leave();
    this.fault = fault;
    this.cause = causeOf(error);
    if (this.#phase !== 'asking') {
      this.#try = undefined;
      attempt.tally.failed(fault);
      attempt.over();
      // The client has had all of the upstream's direction; only its own is cut.
      if (this.#phase === 'half-tunnel') this.#over();
      else this.#abort();
      return;
    }
    const isRepeatable = this.#isRepeatable();
    if (attempt.goesOn(fault, isRepeatable, this.#body.isKept)) {
      this.#connect(attempt);
      return;
    }
    this.#try = undefined;
    attempt.tally.failed(fault);
    // An upstream may well refuse a body that it has not heard to its end, or an upgrade.
    if (attempt.failed(fault, this.#body.isWhole && this.head.upgrade === '', this.cause))
      (this.#doubts ??= new Doubts()).add(attempt.upstreamId);
    const neverSent = isUnreachable(fault);
    if (!neverSent && (!isRepeatable || fault === 'answer-timeout')) {
      this.#answerFault(fault);
      return;
    }
    attempt.decision.next(neverSent && !isShortage(fault) ? 'unreachable' : 'broken');
    this.#tryNext(attempt.route, attempt.decision);
  }

  #settleDoubts(): void {
    const doubted = this.#doubts?.settled;
    this.#doubts = undefined;
    if (doubted !== undefined) this.route?.pool?.doubted(doubted);
  }

  #isRepeatable(): boolean {
    return this.#body.isKept && IDEMPOTENT_METHODS.has(this.head.method) && this.head.upgrade === '';
  }

  /** No upstream is left, or enough were tried. */
  #giveUp(route: ServedRoute, decision: Decision): void {
    const isRejected = decision.rule?.onFailure === 'reject';
    const { fault } = this;
    if (fault !== undefined && fault !== 'connect' && fault !== 'connect-timeout' && !isRejected)
      this.#answerFault(fault);
    else this.#refuse(503, 'no-upstream', fieldLine('Retry-After', route.pool.retryAfterSeconds));
  }

  #answerFault(fault: UpstreamFault): void {
    const { status, code } = answerTo(fault);
    // A shortage may be over in a moment.
    this.#refuse(status, code, status === 503 ? fieldLine('Retry-After', 1) : '');
  }

  #dropUpstream(): void {
    const attempt = this.#try;
    this.#body.leave();
    if (attempt === undefined) return;
    this.#try = undefined;
    attempt.side?.abort();
    attempt.over();
  }

  // ---- The answer, from the upstream's side ----

  answerInterim(head: AnswerHead): void {
    this.#client.interim(head);
  }

  answerHead(head: AnswerHead): void {
    this.#client.head(head, this.#answering('answering', head));
    if (isEventStream(head)) this.#lasts('events');
  }

  answerUpgraded(head: AnswerHead): void {
    const added = this.#answering('tunnel', head);
    this.#body.drop();
    this.#try?.upgraded();
    this.isUpgraded = true;
    this.route?.tally.upgraded(this);
    this.#client.upgraded(head, added);
    this.#lasts('tunnel');
    this.#body.resume();
  }

  /** The field lines that the gateway adds. */
  #answering(phase: Phase, head: AnswerHead): string {
    this.#phase = phase;
    this.status = head.status;
    this.answeredAt = this.#site.clock.monotonic();
    this.#try?.answered();
    if (this.#doubts !== undefined) this.#settleDoubts();
    const route = this.#try?.route;
    if (route?.answerEdits !== undefined)
      head.fields = editFields(route.answerEdits, head.fields, editFacts(this, this.#facts.line));
    return answerLines(head, this.decision, route, this.#site);
  }

  answerData(bytes: Buffer, start: number, end: number): void {
    (this.#lasting ?? this.#client).data(bytes, start, end);
  }

  answerFlush(): boolean {
    const isWaiting = this.#client.flush();
    if (this.#phase !== 'over' && !this.#isAnswerPaused && this.#client.isUnderPressure) {
      this.#isAnswerPaused = true;
      this.#try?.side?.pause();
    }
    return isWaiting;
  }

  answerEnd(trailers: string): void {
    this.#client.end(trailers);
    if (this.#phase === 'tunnel' && !this.#body.isWhole) this.#phase = 'half-tunnel';
    else this.#answered();
  }

  // ---- The end ----

  #lasts(kind: ConstructorParameters<typeof Lasting>[1]): void {
    this.#lasting?.end();
    this.#lasting = new Lasting(this, kind, this.#client, this.#site, () => this.#cutShort(502, 'moved'));
  }

  get hasLeft(): boolean {
    return this.#lasting !== undefined && this.#lasting.hasLeft;
  }

  get #isTunnel(): boolean {
    return this.#phase === 'tunnel' || this.#phase === 'half-tunnel';
  }

  /** The answer is whole, or both directions of a tunnel have ended. */
  #answered(): void {
    const attempt = this.#try;
    this.#try = undefined;
    if (attempt !== undefined) {
      attempt.side?.over();
      attempt.over();
      this.#client.loggedIn = attempt.loggedIn(this.#client.loggedIn);
    }
    this.#over();
  }

  #refuse(status: number, code: string, fields = ''): void {
    const content = this.#site.settings.pageFor(status, code, this.head.get('accept'));
    this.#answerWith({ status, code, fields, content });
  }

  #answerWith(answer: Refusal): void {
    this.status = answer.status;
    if (this.#doubts !== undefined) this.#settleDoubts();
    this.#client.refuse({ ...answer, fields: answer.fields + ownLines(this, this.#site) });
    this.#over();
  }

  #abort(): void {
    this.#client.abort();
    this.#over();
  }

  #over(): void {
    this.#finish();
    this.#client.over();
  }

  #finish(): void {
    this.#phase = 'over';
    this.#body.drop();
    this.#lasting?.end();
    this.endedAt = this.#site.clock.monotonic();
    this.#site.observer.finished(this);
  }
}
