import type { RequestHead } from './http1/request-head.js';
import type { AnsweringRoute } from './own-answer.js';
import type { ServedRoute } from './served-route.js';
import type { CountedRequest } from './tally.js';
import type { UpstreamFault } from './upstream-fault.js';

export type Protocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';

/** What can be told of a request once it is over: for the access log and for counting. */
export interface RequestRecord extends CountedRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  /** What the client spoke. */
  readonly protocol: Protocol;
  readonly clientAddress: string;
  readonly route: ServedRoute | AnsweringRoute | undefined;
  /** The upstream tried last. */
  readonly upstreamId: string | undefined;
  /** A tunnel or a stream was ended because its user left the upstream. */
  readonly hasLeft: boolean;
  /** Why the last upstream tried gave no answer. */
  readonly fault: UpstreamFault | undefined;
  /** The error's code behind that: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`. */
  readonly cause: string | undefined;
}

/** A request that never became an exchange: its head was refused. */
export interface RefusedHead {
  readonly address: string;
  readonly status: number;
  readonly code: string;
}
