const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KiB = 1024;
const MiB = 1024 * KiB;

/** One bound, with all that the configuration, exports and docs/configuration.md say of it. */
export interface Limit {
  /** Its name in `limits:`. */
  readonly key: string;
  /** What its numbers here count. */
  readonly unit: 'bytes' | 'ms' | 'count';
  /** Unless set. */
  readonly usual: number;
  /** The range that may be set. It keeps a limit a limit: none can be switched off. */
  readonly min: number;
  readonly max: number;
  /** What is bounded. */
  readonly bounds: string;
  /** Why the usual value is what it is. */
  readonly reason: string;
}

/**
 * Every bound that the gateway keeps. A limit that is reached is answered (400, 408, 413, 431, 503, 504) or
 * ends the connection. A row is all that a new limit needs; then
 * `UPDATE_GOLDEN=1 npx vitest run test/config/limits.test.ts` writes the page.
 */
export const LIMITS = {
  headBytesMax: {
    key: 'headBytes',
    unit: 'bytes',
    usual: 16 * KiB,
    min: KiB,
    max: MiB,
    bounds: "request line and fields together; likewise an answer's",
    reason: "Node's own limit; browsers stay below 8KiB unless cookies pile up",
  },
  fieldsMax: {
    key: 'fields',
    unit: 'count',
    usual: 100,
    min: 10,
    max: 1000,
    bounds: 'header fields of one message',
    reason: "Apache's limit",
  },
  headTimeMs: {
    key: 'headTime',
    unit: 'ms',
    usual: 10 * SECOND,
    min: 100,
    max: 5 * MINUTE,
    bounds: 'first byte of a request to the end of its head',
    reason: 'slow loris; a slow phone needs 2 s',
  },
  idleTimeMs: {
    key: 'idleTime',
    unit: 'ms',
    usual: 75 * SECOND,
    min: 100,
    max: HOUR,
    bounds: "a client's connection with no request",
    reason: "nginx's default, above the 60 s of usual cloud balancers in front",
  },
  bodyIdleMs: {
    key: 'bodyIdleTime',
    unit: 'ms',
    usual: MINUTE,
    min: 100,
    max: HOUR,
    bounds: 'no byte of a body moved while one was due',
    reason: 'event streams send something within that time',
  },
  tunnelIdleMs: {
    key: 'tunnelIdleTime',
    unit: 'ms',
    usual: HOUR,
    min: SECOND,
    max: 24 * HOUR,
    bounds: 'no byte either way on an upgraded connection (WebSocket)',
    reason: 'chats are silent for long',
  },
  connectionsMax: {
    key: 'connections',
    unit: 'count',
    usual: 10_000,
    min: 1,
    max: 1_000_000,
    bounds: 'client connections at once; lowered under a small limit of open files, see below',
    reason: 'a few kilobytes each',
  },
  connectTimeMs: {
    key: 'connectTime',
    unit: 'ms',
    usual: 3 * SECOND,
    min: 10,
    max: MINUTE,
    bounds: 'connecting to an upstream',
    reason: 'one lost SYN is sent again after 1 s',
  },
  answerTimeMs: {
    key: 'answerTime',
    unit: 'ms',
    usual: MINUTE,
    min: 100,
    max: HOUR,
    bounds: 'last byte of a request to the first of its answer',
    reason: "nginx's default",
  },
  interimAnswersMax: {
    key: 'interimAnswers',
    unit: 'count',
    usual: 32,
    min: 0,
    max: 1000,
    bounds: 'interim answers (1xx) before the answer',
    reason: 'an upstream sends one or two; they do not put off `answerTime`',
  },
  upstreamIdleMs: {
    key: 'upstreamIdleTime',
    unit: 'ms',
    usual: 30 * SECOND,
    min: 100,
    max: HOUR,
    bounds: "an unused connection to an upstream. Set it below the upstream's own",
    reason: 'a connection that the upstream closes first can cost a request. Node closes after 5 s',
  },
  upstreamIdleMax: {
    key: 'upstreamIdleConnections',
    unit: 'count',
    usual: 256,
    min: 0,
    max: 10_000,
    bounds: 'unused connections kept to one upstream',
    reason: 'enough for 256 requests at once; each is an open file',
  },
  upstreamLifeMs: {
    key: 'upstreamLifeTime',
    unit: 'ms',
    usual: 10 * MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    bounds: 'age of a connection to an upstream, above which it takes no further request',
    reason: 'otherwise steady traffic stays at an address that the name left',
  },
  upstreamStreamsMax: {
    key: 'upstreamStreams',
    unit: 'count',
    usual: 100,
    min: 1,
    max: 10_000,
    bounds:
      "HTTP/2 streams at once over one connection to an upstream, if the upstream's own limit is not lower",
    reason: "HAProxy's default; most servers allow 100 to 250",
  },
  upstreamHttp2ConnectionsMax: {
    key: 'upstreamHttp2Connections',
    unit: 'count',
    usual: 256,
    min: 1,
    max: 10_000,
    bounds: 'HTTP/2 connections to one upstream; above, a request waits `connectTime` for a stream',
    reason: 'enough for 25 600 requests at once',
  },
  upstreamPingMs: {
    key: 'upstreamPingTime',
    unit: 'ms',
    usual: 6 * MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    bounds:
      'silence of an HTTP/2 connection with open streams, after which a PING asks whether the upstream is there',
    reason: 'gRPC servers end connections that ask more often than every 5 min',
  },
  upstreamAddressMs: {
    key: 'upstreamAddressTime',
    unit: 'ms',
    usual: MINUTE,
    min: SECOND,
    max: HOUR,
    bounds: "how long the one address of an upstream's name is kept before the name is looked up again",
    reason: 'see [Names with several addresses](#names-with-several-addresses)',
  },
  keptBodyBytesMax: {
    key: 'keptBodyBytes',
    unit: 'bytes',
    usual: 64 * KiB,
    min: 0,
    max: 16 * MiB,
    bounds: 'a request body up to this size is kept, so that the request can be tried again',
    reason: 'most forms and JSON bodies fit; memory is this times requests in progress',
  },
  triesMax: {
    key: 'tries',
    unit: 'count',
    usual: 3,
    min: 1,
    max: 10,
    bounds: 'upstreams tried for one request',
    reason: 'more would turn one outage into a storm',
  },
  streamsMax: {
    key: 'streams',
    unit: 'count',
    usual: 100,
    min: 1,
    max: 1000,
    bounds: 'requests in progress on one connection over HTTP/2; more are refused, and may be repeated',
    reason: "HAProxy's default; browsers queue what is above it",
  },
  sharedStreamsMax: {
    key: 'sharedStreams',
    unit: 'count',
    usual: 2048,
    min: 0,
    max: 1_000_000,
    bounds: 'requests over HTTP/2 in progress in all connections together, beyond 4 of each; more wait',
    reason: 'each may need a connection to an upstream; see [HTTP/2](#http2)',
  },
  heldBodyBytesMax: {
    key: 'heldBodyBytes',
    unit: 'bytes',
    usual: 64 * MiB,
    min: 0,
    max: 64 * 1024 * MiB,
    bounds: 'bodies over HTTP/2 that wait for slow upstreams, all together, beyond 256KiB of each connection',
    reason: 'an upload that is stuck must not stop its neighbours, nor fill the memory',
  },
  connectionRequestsMax: {
    key: 'connectionRequests',
    unit: 'count',
    usual: 1_000_000,
    min: 1,
    max: 1_000_000_000,
    bounds: 'requests of one connection over HTTP/2, after which it goes in order (GOAWAY)',
    reason: 'numbers of streams run out at 2³⁰',
  },
  connectionAgeMs: {
    key: 'connectionAge',
    unit: 'ms',
    usual: HOUR,
    min: SECOND,
    max: 24 * HOUR,
    bounds: 'age of a connection over HTTP/2, after which its next request makes it go in order (GOAWAY)',
    reason: "nginx's default; a balancer in front then spreads it anew",
  },
  earlyResetsMax: {
    key: 'earlyResets',
    unit: 'count',
    usual: 200,
    min: 10,
    max: 100_000,
    bounds: 'requests over HTTP/2 taken back before their answer, at once; a tenth of it more each second',
    reason: 'rapid reset; a page that is left takes back some dozens',
  },
  idleFramesMax: {
    key: 'idleFrames',
    unit: 'count',
    usual: 1000,
    min: 100,
    max: 1_000_000,
    bounds: 'frames of HTTP/2 that bring nothing (PING, SETTINGS, empty), at once; a third more each second',
    reason: "floods of them; nghttp2's bound",
  },
  continuationsMax: {
    key: 'continuations',
    unit: 'count',
    usual: 8,
    min: 0,
    max: 1000,
    bounds: 'CONTINUATION frames of one head over HTTP/2',
    reason: "nghttp2's bound; a head of 16KiB needs one",
  },
} as const satisfies Readonly<Record<string, Limit>>;

export type LimitName = keyof typeof LIMITS;
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

/** Bytes, milliseconds or a count: the unit ends each name. */
export type Limits = { readonly [name in LimitName]: number };

export const DEFAULT_LIMITS: Limits = limitsOf(({ usual }) => usual);

/** One number for each limit. */
export function limitsOf(value: (limit: Limit) => number): Limits {
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, value(LIMITS[name])])) as Limits;
}
