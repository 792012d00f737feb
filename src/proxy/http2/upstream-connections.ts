import type { Deadlines, Timed } from '../deadlines.js';
import type { Limits } from '../limits.js';
import type { AnswerTaker } from '../sides.js';
import type { UpstreamTally } from '../tally.js';
import type { ConnectTarget, Engine } from '../wire.js';
import type { PeerSettings } from './peer-settings.js';
import { Http2Upstream } from './upstream.js';
import type { Http2Owner } from './upstream-owner.js';
import { Http2UpstreamStream, type StreamConnection, type StreamOwner } from './upstream-stream.js';

/** The endpoint that connections belong to. */
export interface Http2Endpoint {
  readonly authority: string;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly tally: UpstreamTally;
  /** Where a new connection leads to. */
  readonly target: ConnectTarget;
  connected(address: string): void;
  notConnected(): void;
}

/** The HTTP/2 connections to one upstream: few, with many streams on each. */
export class Http2Connections implements Http2Owner, StreamOwner, Timed {
  deadlineAt = Infinity;
  readonly authority: string;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly scheme: 'http' | 'https';
  readonly #engine: Engine;
  readonly #endpoint: Http2Endpoint;
  /** Those that take streams. The first with room is taken, so that the last grow idle and go. */
  #connections: Http2Upstream[] = [];
  /** Every connection is full, and there are as many as may be. */
  readonly #queue: Http2UpstreamStream[] = [];
  #streamsMax: number;
  /** The upstream takes WebSockets over HTTP/2; `undefined`: it has not said yet. */
  #takesProtocols: boolean | undefined;
  #isRetired = false;

  constructor(engine: Engine, endpoint: Http2Endpoint) {
    this.#engine = engine;
    this.#endpoint = endpoint;
    this.authority = endpoint.authority;
    this.limits = endpoint.limits;
    this.deadlines = endpoint.deadlines;
    this.scheme = endpoint.target.tls === undefined ? 'http' : 'https';
    this.#streamsMax = endpoint.limits.upstreamStreamsMax;
  }

  /** False: it is known that WebSockets must go by HTTP/1.1. */
  get mayTakeProtocols(): boolean {
    return this.#takesProtocols !== false;
  }

  /** A stream for one exchange. Where it isn't ready, the taker is told when it is. */
  open(taker: AnswerTaker, wantsProtocol: boolean): Http2UpstreamStream {
    const stream = new Http2UpstreamStream(this, taker, wantsProtocol);
    const connection = this.#withRoom();
    if (connection !== undefined) {
      stream.join(connection);
      if (this.#isRetired) connection.leave();
    } else {
      stream.waitUntil(this.deadlines.after(this.limits.connectTimeMs));
      this.#queue.push(stream);
      this.deadlineAt = this.deadlines.nowMs;
      this.deadlines.add(this);
    }
    return stream;
  }

  #withRoom(): Http2Upstream | undefined {
    for (const connection of this.#connections) if (connection.hasRoom) return connection;
    const count = this.#connections.length;
    // One that takes no stream at all takes none on other connections either.
    if (count >= this.limits.upstreamHttp2ConnectionsMax || (count > 0 && this.#streamsMax === 0))
      return undefined;
    const expected = Math.max(1, this.#streamsMax);
    const connection = new Http2Upstream(this.#engine, this.#endpoint.target, this, expected);
    this.#endpoint.tally.connections++;
    this.#connections.push(connection);
    return connection;
  }

  /** They take no more streams and end when theirs are over. */
  leave(): void {
    for (const connection of [...this.#connections]) connection.leave();
  }

  /** The upstream's name leads to this address now. */
  leaveOthers(address: string): void {
    for (const connection of [...this.#connections])
      if (connection.address !== '' && connection.address !== address) connection.leave();
  }

  /** Its upstream has left the pool. A request that outlives that may still come. */
  retire(): void {
    this.#isRetired = true;
    this.leave();
  }

  // ---- A stream (StreamOwner) ----

  unqueue(stream: Http2UpstreamStream): void {
    const at = this.#queue.indexOf(stream);
    if (at !== -1) this.#queue.splice(at, 1);
  }

  onDeadline(): void {
    const { nowMs } = this.deadlines;
    for (const stream of [...this.#queue]) if (stream.deadlineAt <= nowMs) stream.late();
    if (this.#queue.length > 0) this.deadlineAt = nowMs;
    else this.deadlines.remove(this);
  }

  // ---- A connection (Http2Owner) ----

  connected(address: string): void {
    this.#endpoint.connected(address);
  }

  notConnected(): void {
    this.#endpoint.notConnected();
  }

  settings({ streamsMax, takesProtocols }: PeerSettings): void {
    this.#streamsMax = Math.min(streamsMax, this.limits.upstreamStreamsMax);
    this.#takesProtocols = takesProtocols;
  }

  hasRoom(): void {
    while (this.#queue.length > 0) {
      const connection = this.#withRoom();
      if (connection === undefined) return;
      const stream = this.#queue.shift()!;
      stream.join(connection);
      if (stream.isReady) stream.ready();
    }
  }

  left(connection: StreamConnection): void {
    this.#connections = this.#connections.filter((each) => each !== connection);
    if (this.#queue.length > 0) this.hasRoom();
  }
}
