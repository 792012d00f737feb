import type { Clock } from '../base/clock.js';
import { isPanic, triedAllTheSame } from '../route/pool/panic.js';
import type { LivePool } from '../route/pool/live-pool.js';
import type { PoolSnapshot } from '../route/pool/snapshot.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { Decision } from '../route/router.js';
import type { Deadlines } from './deadlines.js';
import type { Limits } from './limits.js';
import { Stays } from './stays.js';
import { UpstreamEndpoint, type UpstreamTls } from './upstream-endpoint.js';
import type { UpstreamTally } from './tally.js';
import type { Engine } from './wire.js';

/** What a pool's endpoints are made with. */
interface Parts {
  readonly pool: LivePool;
  readonly tls: UpstreamTls;
  /** Its upstreams are spoken to by HTTP/2. */
  readonly http2: boolean;
  readonly engine: Engine;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** What a client that found no upstream is told to wait. */
  readonly retryAfterSeconds: number;
  /** Where what happens at an upstream is counted. */
  tally(upstream: Upstream): UpstreamTally;
}

/** A pool with its connections: an endpoint an upstream, and how busy each is. */
export class PoolConnections {
  readonly retryAfterSeconds: number;
  readonly isHttp2: boolean;
  /** What lasts here: tunnels, event streams, uploads. */
  readonly stays: Stays;
  readonly #options: Parts;
  readonly #endpoints = new Map<string, UpstreamEndpoint>();
  /** The pool's snapshot as last seen, and what requests are decided against because of it. */
  #seen: PoolSnapshot | undefined;
  #decidedOn: PoolSnapshot | undefined;
  #members: readonly Upstream[] = [];
  #load: number[] = [];
  #isClosed = false;

  constructor(options: Parts) {
    this.#options = options;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.isHttp2 = options.http2;
    this.stays = new Stays(options.clock, () => options.pool.snapshot);
  }

  /** What requests are decided against. */
  get snapshot(): PoolSnapshot {
    const { snapshot } = this.#options.pool;
    if (snapshot !== this.#seen) {
      this.#seen = snapshot;
      this.#decidedOn = triedAllTheSame(snapshot);
    }
    return this.#decidedOn!;
  }

  /** Requests in progress, by the upstream's index in the current snapshot. */
  get load(): readonly number[] {
    const { upstreams } = this.snapshot;
    if (upstreams !== this.#members) this.#follow(upstreams);
    return this.#load;
  }

  endpoint(upstream: Upstream): UpstreamEndpoint {
    let endpoint = this.#endpoints.get(upstream.id);
    if (endpoint === undefined || endpoint.url !== upstream.url) {
      endpoint?.retire();
      const { tls, http2, engine, limits, deadlines } = this.#options;
      const tally = this.#options.tally(upstream);
      endpoint = new UpstreamEndpoint(upstream, tls, http2, engine, limits, deadlines, tally);
      // A request that outlived a reload may still be retried here; nothing of it is kept.
      if (this.#isClosed) endpoint.retire();
      else this.#endpoints.set(upstream.id, endpoint);
    }
    return endpoint;
  }

  /** A request goes to the endpoint. */
  begin(endpoint: UpstreamEndpoint): void {
    endpoint.active++;
    endpoint.tally.requestsInProgress++;
    endpoint.tally.tries++;
    this.#count(endpoint);
  }

  /** Answers whether this request is the one that may try an upstream that was down. */
  beginTrial(id: string): boolean {
    return this.#options.pool.beginTrial(id);
  }

  /** Its answer has begun: whatever comes now, the upstream is there. `decidedOn`: the request's snapshot. */
  answered(endpoint: UpstreamEndpoint, decidedOn: PoolSnapshot): void {
    const { pool } = this.#options;
    if (isPanic(decidedOn)) pool.answeredWhileDown(endpoint.id);
    else pool.requestSucceeded(endpoint.id);
  }

  /** The answer to the request that moves its user has begun. */
  moved(decision: Decision): void {
    const { user, from, pool } = decision;
    const index = from === undefined ? undefined : pool.indexOf(from);
    const standing = index === undefined ? undefined : pool.standings[index];
    if (user === undefined || typeof standing !== 'object') return;
    this.endpoint(pool.upstreams[index!]!).tally.left(user, standing.leaving.seed, this.#options.clock.now());
    this.stays.moved(decision);
  }

  failed(id: string, cause: string): void {
    const { pool, clock } = this.#options;
    pool.requestFailed(id, clock.monotonic(), cause);
  }

  doubted(id: string): void {
    const { pool, clock } = this.#options;
    pool.requestDoubted(id, clock.monotonic());
  }

  abandonTrial(id: string): void {
    this.#options.pool.abandonTrial(id);
  }

  /** The request is over there, for better or worse. */
  finish(endpoint: UpstreamEndpoint): void {
    endpoint.active--;
    endpoint.tally.requestsInProgress--;
    this.#count(endpoint);
  }

  /** Ends what is idle; requests in progress are not touched. */
  close(): void {
    this.#isClosed = true;
    for (const endpoint of this.#endpoints.values()) endpoint.retire();
    this.#endpoints.clear();
  }

  /** The members changed: endpoints of upstreams that are gone, or show another certificate, are retired. */
  #follow(members: readonly Upstream[]): void {
    this.#members = members;
    const serverNames = new Map(members.map(({ id, serverName }) => [id, serverName]));
    for (const [id, endpoint] of this.#endpoints) {
      if (serverNames.has(id) && serverNames.get(id) === endpoint.serverName) continue;
      endpoint.retire();
      this.#endpoints.delete(id);
    }
    this.#load = members.map((member) => this.endpoint(member).active);
    members.forEach((member, index) => {
      this.endpoint(member).slot = index;
    });
  }

  #count(endpoint: UpstreamEndpoint): void {
    if (this.#load[endpoint.slot] !== undefined) this.#load[endpoint.slot] = endpoint.active;
  }
}
