import type { Limits } from '../../proxy/limits.js';
import type { TlsVersion } from '../../proxy/wire.js';
import type { PassiveThresholds } from '../../route/pool/health.js';
import type { Upstream } from '../../route/pool/upstream.js';
import type { FieldEdits, RequestEdits } from '../../proxy/edits.js';
import type { OwnAnswer } from '../../proxy/own-answer.js';
import type { Demand, Matching } from '../route-table.js';

/**
 * A configuration that has been read, checked and completed: no shorthand, no missing values, durations in
 * milliseconds. The gateway and `explain` take this; only `load.ts` and `schema.ts` know how it was written.
 */
export interface Config {
  readonly listen: Listen;
  /** Absent: plain HTTP. */
  readonly tls: TlsConfig | undefined;
  /**
   * Secrets for sealed cookies: the first seals, all open. Empty: the gateway makes one that lives as long as
   * it does.
   */
  readonly keys: readonly string[];
  readonly pools: readonly PoolConfig[];
  /** The most specific first: longer path prefixes before shorter, named hosts before any host. */
  readonly routes: readonly RouteConfig[];
  /** Routes that the gateway answers by itself. */
  readonly answers: readonly AnsweringConfig[];
  /** Pages for browsers in place of refusals: HTML as byte strings, by status. */
  readonly errorPages: ErrorPages;
  /** Addresses and CIDR ranges whose X-Forwarded-* fields are believed. */
  readonly trustedProxies: readonly string[];
  /** Connections of trusted proxies begin with a header of the PROXY protocol. */
  readonly proxyProtocol: boolean;
  /** Clients may speak HTTP/2. */
  readonly http2: boolean;
  readonly expose: boolean;
  /** A client that has closed its sending half still gets its answer. */
  readonly halfClose: boolean;
  /** `true`: a line a request on standard output. */
  readonly accessLog: boolean | AccessLogConfig;
  readonly limits: Limits;
  /** Processes that share the port. `auto`: as many as there are cores. */
  readonly workers: number | 'auto';
  /** How long the gateway still takes requests after SIGTERM, so that others learn that it goes. */
  readonly shutdownDelayMs: number;
  /** How long requests in progress may take after that. */
  readonly shutdownGraceMs: number;
  /** Where `/metrics`, `/live` and `/ready` are served. Absent: nowhere. */
  readonly monitor: { readonly listen: Listen } | undefined;
  /** How long a start or a reload waits for the first answer of each source. */
  readonly sourceWaitMs: number;
  /** Undefined: nobody can ask or steer the gateway from outside. */
  readonly admin: AdminConfig | undefined;
  /** Where operators' words are kept for the next start; absolute. Undefined: they end with the process. */
  readonly stateFile: string | undefined;
}

/** The admin API. */
export interface AdminConfig {
  readonly listen: AdminListen;
  /** Whoever asks must know it. Undefined only where the listener is on this machine. */
  readonly token: string | undefined;
  /** Operators may change something, not only look. */
  readonly write: boolean;
  /** Names in lower case by which browsers and programs may call it, beside addresses and `localhost`. */
  readonly hosts: readonly string[];
}

export type AdminListen =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface AccessLogConfig {
  /** Absolute. Undefined: standard output. */
  readonly file: string | undefined;
  /** Which share of lines is written, from 0 to 1, by the first digit of the status; 0 is for odd ones. */
  readonly shares: readonly number[];
}

export interface Listen {
  /** Undefined: every address of the machine. */
  readonly host: string | undefined;
  readonly port: number;
}

export interface TlsConfig {
  /** Who signs the certificates of clients; undefined: clients are asked for none. */
  readonly clientCa: PemFile | undefined;
  /** A client without a good one is turned away. */
  readonly isClientCertRequired: boolean;
  /** At least one. A client that names no host gets the first. */
  readonly certificates: readonly [Certificate, ...Certificate[]];
  readonly minVersion: TlsVersion;
  /** As OpenSSL writes them. */
  readonly ciphers: string;
}

/** What belongs together: checked when the configuration is read. */
export interface Certificate {
  readonly cert: PemFile;
  readonly key: PemFile;
}

/** Read once, with the configuration: what is checked is what is served. */
export interface PemFile {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
}

export interface PoolConfig {
  readonly name: string;
  /** What the configuration lists; empty where `sources` are all there is. */
  readonly upstreams: readonly Upstream[];
  /** Where more upstreams come from while the gateway runs. */
  readonly sources: readonly SourceConfig[];
  /** How long an upstream that its source no longer names is kept for those who are bound to it. */
  readonly lingerMs: number;
  readonly placement: Choice;
  /** In what time an upstream that joins or comes back gets its whole share; 0: at once. */
  readonly rampUpMs: number;
  /** Active health probes; undefined: none. */
  readonly health: HealthConfig | undefined;
  readonly passive: PassiveThresholds;
  /** These go over the gateway's. Absent: none. */
  readonly limits?: Partial<Limits> | undefined;
  /** For `https://` upstreams. */
  readonly tls: { readonly ca: PemFile | undefined; readonly insecure: boolean };
  /** Its upstreams are spoken to by HTTP/2: with prior knowledge by `http://`, by ALPN by `https://`. */
  readonly http2: boolean;
}

export interface HealthConfig {
  /** What is asked for by HTTP; `undefined` with `grpc` and `tcp`. */
  readonly path: string | undefined;
  /** The service that gRPC's health check asks for; empty: the server as a whole. */
  readonly grpc: string | undefined;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  /** A connection that is made is enough. */
  readonly tcp?: boolean | undefined;
  /** Default: GET. */
  readonly method?: string | undefined;
  /** The Host that is asked; default: the upstream's own. */
  readonly host?: string | undefined;
  /** Fields of the question, by names in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** In place of the port of the upstream's URL. */
  readonly port?: number | undefined;
  /** Statuses that are well, from one to the other; default: 200 to 399. */
  readonly statuses?: readonly (readonly [number, number])[] | undefined;
  /** Text that the answer's body must contain. */
  readonly contains?: string | undefined;
  /** Members that the answer must have as JSON; a dot leads into an object. */
  readonly json?: Readonly<Record<string, JsonScalar>> | undefined;
  /** The share of `everyMs`, 0 to 1, by which each question is put off, by chance. */
  readonly jitter?: number | undefined;
  /** `probe`: a new upstream gets its first user when a probe of it has succeeded. */
  readonly before?: 'probe' | undefined;
}

export type JsonScalar = string | number | boolean | null;

export interface RouteConfig {
  /** Unique; also the scope of its sealed cookies. */
  readonly name: string;
  readonly pool: string;
  /** Host names in lower case, without port; `*.example.org` matches one or more labels. Empty: any host. */
  readonly hosts: readonly string[];
  /**
   * A path prefix that ends at a segment: `/api` matches `/api` and `/api/x`, not `/apix`. `/` matches all.
   */
  readonly path: string;
  /** What else a request must have, all of it. Most routes have none. */
  readonly demands: readonly Demand[];
  readonly affinity: readonly Choice[];
  readonly balance: Choice;
  /** Undefined: the request, or the answer, passes as it came. */
  readonly requestEdits: RequestEdits | undefined;
  readonly answerEdits: FieldEdits | undefined;
  /** The answer to a request that did not come by HTTPS; undefined: it is served. */
  readonly toHttps: OwnAnswer | undefined;
}

/** Pages by status, as byte strings; `default` for all other errors. */
export type ErrorPages = ReadonlyMap<number | 'default', string>;

/** A route that leads to no upstream: a redirect, or a fixed answer. */
export interface AnsweringConfig extends Matching {
  /** Unique among all routes. */
  readonly name: string;
  readonly answer: OwnAnswer;
}

/** One entry of `sources:`. */
export interface SourceConfig extends Choice {
  /** Where relative paths in its options start: absolute. */
  readonly folder: string;
}

/** One entry of a registry (rule, placement, balance, source) by name, with its checked options. */
export interface Choice {
  readonly name: string;
  readonly options: unknown;
}
