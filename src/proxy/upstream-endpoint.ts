import type { Upstream } from '../route/pool/upstream.js';
import type { Deadlines, Timed } from './deadlines.js';
import { Http1Upstream, type ConnectionOwner } from './http1/upstream.js';
import { Http2Connections, type Http2Endpoint } from './http2/upstream-connections.js';
import type { Limits } from './limits.js';
import type { AnswerTaker } from './sides.js';
import type { UpstreamTally } from './tally.js';
import type { ConnectTarget, Engine } from './wire.js';

/** How `https://` upstreams are met. */
export interface UpstreamTls {
  readonly ca: string | undefined;
  readonly insecure: boolean;
}

/**
 * A request that can't be repeated goes only over a connection that was used this recently: an older one may
 * be closing.
 */
const FRESH_MS = 1000;

/** The gateway's end of one upstream: the connections that wait for work, and how much is in progress. */
export class UpstreamEndpoint implements ConnectionOwner, Http2Endpoint, Timed {
  readonly id: string;
  readonly url: string;
  readonly serverName: string | undefined;
  /** `host[:port]`, for requests that came without a Host. */
  readonly authority: string;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly tally: UpstreamTally;
  /** Requests in progress. */
  active = 0;
  /** Its index in the pool's snapshot; -1: it left. */
  slot = -1;
  /** Its connections over HTTP/2, where its pool asks for that. */
  readonly http2: Http2Connections | undefined;
  /** The next look for idle connections that have waited too long. */
  deadlineAt = Infinity;

  readonly #engine: Engine;
  readonly #target: ConnectTarget;
  /**
   * The same with the one address that all connections lead to: a name with two addresses would send one user
   * to both. Looked up again when its time is over or it takes no connection.
   */
  #fixed: ConnectTarget | undefined;
  #fixedUntil = 0;
  /** The one used last stands last and is taken first, so that the rest grow old and go. */
  readonly #idle: Http1Upstream[] = [];
  #isRetired = false;

  constructor(
    upstream: Upstream,
    tls: UpstreamTls,
    isHttp2: boolean,
    engine: Engine,
    limits: Limits,
    deadlines: Deadlines,
    tally: UpstreamTally,
  ) {
    const url = new URL(upstream.url);
    this.id = upstream.id;
    this.url = upstream.url;
    this.serverName = upstream.serverName;
    this.authority = url.host;
    this.limits = limits;
    this.deadlines = deadlines;
    this.tally = tally;
    this.#engine = engine;
    const isSecure = url.protocol === 'https:';
    const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
    this.#target = {
      host,
      port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
      tls: isSecure
        ? { serverName: upstream.serverName ?? host, ca: tls.ca, insecure: tls.insecure }
        : undefined,
      http2: isHttp2,
    };
    this.http2 = isHttp2 ? new Http2Connections(engine, this) : undefined;
    deadlines.add(this);
  }

  /** An idle connection, or undefined. `mustBeFresh` for requests that can't be repeated. */
  takeIdle(taker: AnswerTaker, mustBeFresh: boolean): Http1Upstream | undefined {
    let connection = this.#idle.at(-1);
    while (connection !== undefined && !connection.isOpen) {
      this.closed(connection);
      connection = this.#idle.at(-1);
    }
    if (connection === undefined) return undefined;
    // At least its age: the time is that of the last sweep.
    const age = this.deadlines.latestNowMs - connection.idleSince;
    if (age >= connection.idleMs || (mustBeFresh && age > FRESH_MS)) return undefined;
    this.#idle.pop();
    connection.idleSlot = -1;
    connection.take(taker);
    return connection;
  }

  connect(taker: AnswerTaker): Http1Upstream {
    this.tally.connections++;
    // Among HTTP/2 only an upgrade that can't go that way.
    const { target } = this;
    return new Http1Upstream(this.#engine, target.http2 ? { ...target, http2: false } : target, this, taker);
  }

  get target(): ConnectTarget {
    const fixed = this.#fixed;
    if (fixed === undefined) return this.#target;
    if (this.deadlines.nowMs < this.#fixedUntil) return fixed;
    return { ...this.#target, preferredAddress: fixed.host };
  }

  connected(address: string): void {
    const now = this.deadlines.nowMs;
    const before = this.#fixed;
    if (address === '' || (before?.host === address && now < this.#fixedUntil)) return;
    this.#fixedUntil = now + this.limits.upstreamAddressMs;
    if (before?.host === address) return;
    this.#fixed = { ...this.#target, host: address };
    // The others lead to where the name led before.
    if (before === undefined) return;
    for (const connection of [...this.#idle]) connection.destroy();
    this.http2?.leaveOthers(address);
  }

  notConnected(): void {
    this.#fixed = undefined;
  }

  /** A connection has done its work and can do more. */
  release(connection: Http1Upstream): void {
    const { upstreamIdleMax, upstreamLifeMs } = this.limits;
    const isOld = this.deadlines.nowMs - connection.openedAt >= upstreamLifeMs;
    if (this.#isRetired || isOld || connection.idleMs === 0 || this.#idle.length >= upstreamIdleMax) {
      connection.destroy();
      return;
    }
    connection.idleSince = this.deadlines.nowMs;
    connection.idleSlot = this.#idle.length;
    this.#idle.push(connection);
    if (this.deadlineAt === Infinity) this.deadlineAt = connection.idleSince + SWEEP_IDLE_MS;
  }

  closed(connection: Http1Upstream): void {
    const slot = connection.idleSlot;
    if (slot === -1) return;
    connection.idleSlot = -1;
    this.#idle.splice(slot, 1);
    for (let at = slot; at < this.#idle.length; at++) this.#idle[at]!.idleSlot = at;
  }

  /** Closes what has been idle for too long. */
  onDeadline(): void {
    const now = this.deadlines.nowMs;
    for (const connection of this.#idle.filter((each) => now - each.idleSince >= each.idleMs))
      connection.destroy();
    if (this.#idle.length > 0) this.deadlineAt = now + SWEEP_IDLE_MS;
  }

  /** The upstream is no longer in the pool: what runs ends by itself, what waits is closed. */
  retire(): void {
    this.#isRetired = true;
    this.slot = -1;
    this.deadlines.remove(this);
    this.http2?.retire();
    for (const connection of [...this.#idle]) connection.destroy();
  }
}

const SWEEP_IDLE_MS = 1000;
