import type { Decision } from '../route/router.js';
import type { RequestHead } from './http1/request-head.js';
import type { ServedRoute } from './served-route.js';
import type { UpstreamFault } from './upstream-fault.js';

/** What can be told of a request once it is over: for the access log and for counting. */
export interface RequestRecord {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly route: ServedRoute | undefined;
  readonly decision: Decision | undefined;
  /** The upstream tried last. */
  readonly upstreamId: string | undefined;
  /** What the client was told; 499 when it had gone. */
  readonly status: number;
  readonly tries: number;
  /** Why the last upstream tried gave no answer. */
  readonly fault: UpstreamFault | undefined;
  /** The error's code behind that: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`. */
  readonly cause: string | undefined;
  /** Body bytes of the request, without framing. */
  readonly requestBytes: number;
  /** Bytes sent to the client, head and framing included. */
  readonly answeredBytes: number;
  /** On the monotonic clock; `answeredAt` is when the answer's head came, 0 when it didn't. */
  readonly startedAt: number;
  readonly answeredAt: number;
}

/** A request that never became an exchange: its head was refused. */
export interface RefusedHead {
  readonly address: string;
  readonly status: number;
  readonly code: string;
}
