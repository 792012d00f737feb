import { causeOf } from '../base/cause.js';
import { IDEMPOTENT_METHODS } from '../base/idempotent-methods.js';
import { RequestFacts } from '../route/facts.js';
import { decide, prepare, type Decision } from '../route/router.js';
import { walk } from '../route/walk.js';
import { CHUNKED, hostName, type RequestHead } from './http1/request-head.js';
import { UNTIL_CLOSE, type ResponseHead } from './http1/response-head.js';
import type { ClientSide } from './client-side.js';
import { blameFor, Doubts } from './blame.js';
import { exposedFields } from './exposed.js';
import type { Origin } from './forwarded.js';
import { NO_BODY, RequestBody, type BodyOnItsWay } from './request-body.js';
import type { GatewayRoute } from './gateway-route.js';
import type { RequestRecord } from './request-record.js';
import type { Site } from './site.js';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.js';
import { upstreamHead } from './upstream-head.js';
import { answerTo, isUnreachable, type UpstreamFault } from './upstream-fault.js';
import type { UpstreamEndpoint } from './upstream-endpoint.js';
import type { PoolConnections } from './pool-connections.js';

/**
 * One request and its answer: routed once, tried on one upstream after the other while that is safe, streamed
 * back, counted. Client side and upstream side meet here and nowhere else.
 */
export class Exchange implements UpstreamUser, RequestRecord {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly startedAt: number;
  readonly clientAddress: string;
  route: GatewayRoute | undefined;
  decision: Decision | undefined;
  status = 0;
  tries = 0;
  /** Bytes sent to the client, head and framing included. */
  get answeredBytes(): number {
    return this.#client.answeredBytes;
  }
  /** When the answer's head came; 0: it didn't. */
  answeredAt = 0;
  fault: UpstreamFault | undefined;
  cause: string | undefined;
  upstreamId: string | undefined;

  readonly #site: Site;
  readonly #client: ClientSide;
  readonly #facts: RequestFacts;
  readonly #forwardedFields: string;
  #pool: PoolConnections | undefined;
  #endpoint: UpstreamEndpoint | undefined;
  #connection: UpstreamConnection | undefined;
  #isTrial = false;
  /** Made when a try ends in doubt. */
  #doubts: Doubts | undefined;

  readonly #body: BodyOnItsWay;
  #retriedFresh = false;

  #isAnswering = false;
  #isAnswerPaused = false;
  /** Chunk framing is written here, around a body that ends with its connection. */
  #wrapsChunks = false;
  #isTunnel = false;
  #endedSides = 0;
  #isOver = false;

  constructor(site: Site, client: ClientSide, head: RequestHead, origin: Origin, requestId: string) {
    this.#site = site;
    this.#client = client;
    this.head = head;
    this.clientAddress = origin.address;
    this.requestId = requestId;
    this.startedAt = site.clock.monotonic();
    this.#forwardedFields = origin.fields;
    // What comes after a change of protocol is held up like a body.
    this.#body =
      head.bodyBytes === 0 && head.upgrade === ''
        ? NO_BODY
        : new RequestBody(head.bodyBytes, client, site.settings.limits.keptBodyBytesMax);
    this.#facts = new RequestFacts(
      {
        method: head.method,
        target: head.target,
        host: hostName(head.host),
        clientAddress: origin.address,
        isSecure: origin.isSecure,
        nowMs: site.clock.now(),
      },
      head,
    );
  }

  get method(): string {
    return this.head.method;
  }
  get takesChunks(): boolean {
    return this.#client.takesChunks;
  }
  get isRequestWhole(): boolean {
    return this.#body.isWhole;
  }
  /** Body bytes of the request, without framing. */
  get requestBytes(): number {
    return this.#body.dataBytes;
  }
  get isTunnel(): boolean {
    return this.#isTunnel;
  }

  /** Begins: finds the route and asks the router. */
  start(): void {
    const { method } = this.head;
    if (method === 'CONNECT' || method === 'TRACE')
      return this.#refuse(
        405,
        'method-not-allowed',
        'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n',
      );
    const route = this.#site.settings.routeFor(this.#facts.line.host, this.#facts.path);
    if (route === undefined) return this.#refuse(404, 'no-route');
    this.route = route;
    this.#pool = route.pool;
    const waiting = route.mayWait ? prepare(route.affinity, this.#facts, route.pool.snapshot) : undefined;
    if (waiting === undefined) this.#decide();
    else void waiting.then(() => this.#decide());
  }

  #decide(): void {
    if (this.#isOver) return;
    const pool = this.#pool!;
    this.decision = decide(this.route!.affinity, this.#facts, pool.snapshot, pool.load, this.#site.random);
    this.#try();
  }

  // ---- The request's body, from the client ----

  /** Takes what belongs to this request; answers where it ends. */
  requestRead(bytes: Buffer, start: number, end: number): number {
    const stop = this.#body.read(bytes, start, end);
    if (this.#body.isBroken) this.#badBody();
    return stop;
  }

  #badBody(): void {
    this.fault = 'chunk';
    this.cause = undefined;
    this.#dropUpstream();
    if (this.#isAnswering) this.#abort();
    else this.#refuse(400, 'chunk');
  }

  // ---- The upstreams, one after the other ----

  #try(): void {
    const decision = this.decision!;
    const pool = this.#pool!;
    const stop = walk(decision, pool, this.#site.settings.limits.triesMax - this.tries);
    if (stop === 'none') {
      this.#giveUp();
      return;
    }
    this.#isTrial = stop === 'trial';
    const upstream = decision.pool.upstreams[decision.index]!;
    const endpoint = pool.endpoint(upstream);
    this.upstreamId = upstream.id;
    this.tries++;
    this.#endpoint = endpoint;
    pool.begin(endpoint);
    this.#connect(endpoint);
  }

  #connect(endpoint: UpstreamEndpoint): void {
    const connection = this.#retriedFresh ? undefined : endpoint.takeIdle(this, !this.#isRepeatable());
    if (connection === undefined) {
      this.#connection = endpoint.connect(this);
      return;
    }
    this.#connection = connection;
    this.upstreamReady();
  }

  upstreamReady(): void {
    const connection = this.#connection!;
    const { forwardLines } = this.route!;
    const lines =
      forwardLines === undefined ? this.head.lines : forwardLines(this.head.lines, this.decision!.pool);
    connection.outlet.text(
      upstreamHead(this.head, lines, this.#endpoint!.authority, this.#forwardedFields, this.requestId),
    );
    this.#body.sendTo(connection);
  }

  upstreamDrained(): void {
    if (!this.#body.isWhole) this.#connection?.requestMoved();
    this.#body.resume();
  }

  upstreamFailed(fault: UpstreamFault, error: Error | undefined): void {
    if (this.#isOver) return;
    const connection = this.#connection;
    const wasReused = connection !== undefined && connection.uses > 1;
    this.#connection = undefined;
    this.#body.leave();
    this.fault = fault;
    this.cause = causeOf(error);
    if (this.#isTunnel || this.#isAnswering) {
      this.#release();
      this.#abort();
      return;
    }
    // A connection that had waited was closed by its upstream in the moment of the request: no fault of the
    // upstream's.
    if (fault === 'closed' && wasReused && !this.#retriedFresh && this.#isRepeatable()) {
      this.#retriedFresh = true;
      this.#connect(this.#endpoint!);
      return;
    }
    this.#retriedFresh = false;
    this.#blame(fault);
    this.#release();
    const neverSent = isUnreachable(fault);
    const isSafe = neverSent || (this.#isRepeatable() && fault !== 'answer-timeout');
    if (!isSafe) {
      this.#answerFault();
      return;
    }
    this.decision!.next(neverSent && fault !== 'local' ? 'unreachable' : 'broken');
    this.#try();
  }

  #blame(fault: UpstreamFault): void {
    const { id } = this.#endpoint!;
    // An upstream may well refuse a body that it has not heard to its end.
    const blame = isUnreachable(fault) || this.#body.isWhole ? blameFor(fault) : 'nobody';
    if (blame === 'upstream') this.#pool!.failed(id);
    else if (blame === 'doubt' && this.head.upgrade === '') {
      // A trial is checked whatever the others say: nobody else may go there until it is settled.
      if (this.#isTrial) this.#pool!.doubted(id);
      else (this.#doubts ??= new Doubts()).add(id);
    } else return;
    this.#isTrial = false;
  }

  #settleDoubts(): void {
    const doubted = this.#doubts?.settled;
    this.#doubts = undefined;
    if (doubted !== undefined) this.#pool!.doubted(doubted);
  }

  #isRepeatable(): boolean {
    return this.#body.isKept && IDEMPOTENT_METHODS.has(this.head.method) && this.head.upgrade === '';
  }

  /** No upstream is left, or enough were tried. */
  #giveUp(): void {
    const isRejected = this.decision!.rule?.onFailure === 'reject';
    const fault = this.fault;
    if (fault !== undefined && (!isUnreachable(fault) || fault === 'local') && !isRejected)
      this.#answerFault();
    else this.#refuse(503, 'no-upstream', `Retry-After: ${this.#pool!.retryAfterSeconds}\r\n`);
  }

  #answerFault(): void {
    const { status, code } = answerTo(this.fault!);
    this.#refuse(status, code);
  }

  #release(): void {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return;
    this.#endpoint = undefined;
    this.#pool!.finish(endpoint);
    if (this.#isTrial) this.#pool!.abandonTrial(endpoint.id);
    this.#isTrial = false;
  }

  // ---- The answer, from the upstream ----

  answerHead(head: ResponseHead): void {
    const { status } = head;
    if (status < 200 && status !== 101) {
      if (this.#client.takesChunks) this.#client.answerHead(status, head.lines, 0);
      return;
    }
    if (status === 101 && this.head.upgrade === '') {
      const connection = this.#connection!;
      connection.detach();
      connection.reset();
      this.upstreamFailed('upgrade', undefined);
      return;
    }
    this.status = status;
    this.answeredAt = this.#site.clock.monotonic();
    this.#isAnswering = true;
    this.#isTrial = false;
    this.#pool!.answered(this.#endpoint!, this.decision!.pool);
    if (this.#doubts !== undefined) this.#settleDoubts();
    let { lines } = head;
    for (const value of this.decision!.writes()) lines += `Set-Cookie: ${value}\r\n`;
    if (this.#site.settings.expose) lines += exposedFields(this.decision, this.route);
    if (status === 101) {
      this.#isTunnel = true;
      this.#connection!.tunnel();
      this.#client.answerHead(101, `${lines}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`, 0);
      this.#client.tunnel();
      this.#body.resume();
      return;
    }
    this.#wrapsChunks = head.bodyBytes === UNTIL_CLOSE && this.#client.takesChunks;
    this.#client.answerHead(status, lines, this.#wrapsChunks ? CHUNKED : head.bodyBytes);
  }

  answerBytes(bytes: Buffer, start: number, end: number): void {
    if (this.#wrapsChunks) {
      this.#client.answerText(`${(end - start).toString(16)}\r\n`);
      this.#client.answerBytes(bytes, start, end);
      this.#client.answerText('\r\n');
    } else this.#client.answerBytes(bytes, start, end);
  }

  answerText(text: string): void {
    this.#client.answerText(text);
  }

  answerFlush(): boolean {
    const isWaiting = this.#client.flush();
    if (!this.#isOver && !this.#isAnswerPaused && this.#client.isUnderPressure) {
      this.#isAnswerPaused = true;
      this.#connection?.pause();
    }
    return isWaiting;
  }

  answerEnd(): void {
    if (this.#isTunnel) {
      this.#endSide(() => this.#client.endTunnel());
      return;
    }
    if (this.#wrapsChunks) this.#client.answerText('0\r\n\r\n');
    const connection = this.#connection!;
    const endpoint = this.#endpoint!;
    this.#connection = undefined;
    this.#release();
    if (connection.detach() && this.#body.isWhole) endpoint.release(connection);
    else connection.destroy();
    this.#isOver = true;
    this.#client.answerEnd(this.#body.isWhole);
    this.#finished();
  }

  // ---- The client, from its connection ----

  clientDrained(): void {
    if (!this.#isAnswerPaused) return;
    this.#isAnswerPaused = false;
    this.#connection?.resume();
  }

  /** Bytes of an upgraded connection. */
  tunnelRead(bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.outlet.bytes(bytes, start, end);
    connection.outlet.flush();
    if (connection.outlet.isUnderPressure) this.#body.pause();
  }

  tunnelEnded(): void {
    this.#endSide(() => this.#connection?.end());
  }

  /** The client is gone. */
  clientClosed(): void {
    if (this.#isOver) return;
    // 499 as in nginx: nobody was there to take the answer.
    if (!this.#isTunnel) this.status = 499;
    this.#isOver = true;
    this.#dropUpstream();
    this.#finished();
  }

  /** The client sent nothing more of a body that it had announced. */
  clientStalled(): void {
    this.#dropUpstream();
    if (this.#isAnswering) this.#abort();
    else this.#refuse(408, 'body-timeout');
  }

  #endSide(end: () => void): void {
    end();
    if (++this.#endedSides < 2) return;
    this.#isOver = true;
    this.#connection?.linger();
    this.#connection = undefined;
    this.#release();
    this.#finished();
  }

  #dropUpstream(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#body.leave();
    if (connection !== undefined) {
      connection.detach();
      if (this.#isTunnel) connection.destroy();
      else connection.reset();
    }
    this.#release();
  }

  #refuse(status: number, code: string, fields = ''): void {
    this.status = status;
    if (this.#doubts !== undefined) this.#settleDoubts();
    const exposed = this.#site.settings.expose ? exposedFields(this.decision, this.route) : '';
    this.#isOver = true;
    this.#client.refuse(status, code, `${fields}${exposed}X-Request-Id: ${this.requestId}\r\n`);
    this.#finished();
  }

  #abort(): void {
    this.#isOver = true;
    this.#client.abort();
    this.#finished();
  }

  #finished(): void {
    this.#body.drop();
    this.#site.observer.finished(this);
  }
}
