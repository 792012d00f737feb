import type { Decision } from '../route/router.js';
import type { UpstreamFault } from './upstream-fault.js';

/** What is counted of a request when it is over, beside its route. */
export interface CountedRequest {
  readonly decision: Decision | undefined;
  /** The upstream tried last. */
  readonly tally: UpstreamTally | undefined;
  /** What the client was told; 499 when it had gone. */
  readonly status: number;
  readonly tries: number;
  /** It became a tunnel. */
  readonly isUpgraded: boolean;
  /** Body bytes of the request, without framing. */
  readonly requestBytes: number;
  /** Bytes sent to the client, head and framing included. */
  readonly answeredBytes: number;
  /** On the monotonic clock. `triedAt`: when the last try began. */
  readonly startedAt: number;
  readonly triedAt: number;
  /** When the answer's head came; 0 when it didn't. */
  readonly answeredAt: number;
  readonly endedAt: number;
}

/**
 * What is counted of an upstream while requests are under way. It is kept through reloads, and several
 * endpoints may stand for one upstream. Whoever counts keeps it; the proxy only writes.
 */
export interface UpstreamTally {
  /** No other upstream has it at the same time: the place in whatever is counted by upstream. */
  readonly index: number;
  /** Now. */
  requestsInProgress: number;
  tunnels: number;
  /** So far. */
  tries: number;
  connections: number;
  /** A try gave no answer, or not the whole of one. */
  failed(fault: UpstreamFault): void;
  /** A drain, known by its seed, has moved a user away. */
  left(user: string, seed: number, nowMs: number): void;
}

/** What is counted of a route's requests. */
export interface RouteTally {
  /** It becomes a tunnel, and may be one for hours. */
  upgraded(request: CountedRequest): void;
  finished(request: CountedRequest): void;
}

/** For whoever counts nothing. */
export function uncounted(): UpstreamTally {
  return { index: 0, requestsInProgress: 0, tunnels: 0, tries: 0, connections: 0, failed() {}, left() {} };
}
