/**
 * Every bound the gateway keeps. A limit that is reached is answered (400, 408, 413, 431, 503, 504) or ends
 * the connection; none is ever unlimited. The defaults and their reasons are in docs/configuration.md.
 */
export interface Limits {
  /** Request line and header fields together, and likewise an answer's head. */
  readonly headBytesMax: number;
  /** Header fields in one message. */
  readonly fieldsMax: number;
  /** From the first byte of a request to the end of its head (slow loris). */
  readonly headTimeMs: number;
  /** A client connection with no request in progress. */
  readonly idleTimeMs: number;
  /** No byte of a body moved, in either direction, while one was due. */
  readonly bodyIdleMs: number;
  /** No byte moved either way on an upgraded connection. */
  readonly tunnelIdleMs: number;
  /** Client connections open at once. */
  readonly connectionsMax: number;
  /** Connecting to an upstream. */
  readonly connectTimeMs: number;
  /** From the request's last byte to the first of the answer. */
  readonly answerTimeMs: number;
  /** Interim answers (1xx) before the answer. */
  readonly interimAnswersMax: number;
  /** An unused connection to an upstream is kept this long. */
  readonly upstreamIdleMs: number;
  /** Unused connections kept to one upstream. */
  readonly upstreamIdleMax: number;
  /** A connection to an upstream that is older takes no further request. */
  readonly upstreamLifeMs: number;
  /** An upstream's name is looked up again after this long. */
  readonly upstreamAddressMs: number;
  /** A request body up to this size is kept so that the request can be tried again. */
  readonly keptBodyBytesMax: number;
  /** Upstreams tried for one request. */
  readonly triesMax: number;
}

export const DEFAULT_LIMITS: Limits = {
  headBytesMax: 16 * 1024,
  fieldsMax: 100,
  headTimeMs: 10_000,
  idleTimeMs: 75_000,
  bodyIdleMs: 60_000,
  tunnelIdleMs: 3_600_000,
  connectionsMax: 10_000,
  connectTimeMs: 3_000,
  answerTimeMs: 60_000,
  interimAnswersMax: 32,
  upstreamIdleMs: 30_000,
  upstreamIdleMax: 256,
  upstreamLifeMs: 600_000,
  upstreamAddressMs: 60_000,
  keptBodyBytesMax: 64 * 1024,
  triesMax: 3,
};
