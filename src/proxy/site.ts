import type { Clock } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { RequestFacts } from '../route/facts.js';
import type { DateField } from './date-field.js';
import type { Deadlines } from './deadlines.js';
import type { ServedRoute } from './served-route.js';
import type { HeldBytes } from './http2/held-bytes.js';
import type { Turnstile } from './http2/turnstile.js';
import type { Limits } from './limits.js';
import type { AnsweringRoute } from './own-answer.js';
import type { OwnContent } from './sides.js';
import type { RequestIds } from './request-ids.js';
import type { RefusedHead, RequestRecord } from './request-record.js';

/** What a reload may change. */
export interface SiteSettings {
  readonly limits: Limits;
  /** Adds x-upstream and x-affinity to answers. */
  readonly expose: boolean;
  /** A client that has closed its sending half still gets its answer; otherwise it has gone. */
  readonly halfClose: boolean;
  routeFor(facts: RequestFacts): ServedRoute | AnsweringRoute | undefined;
  /** A page for a refusal, in place of a line of text; undefined: none for this one. */
  pageFor(status: number, code: string, accept: string | undefined): OwnContent | undefined;
  /** Whether the peer's X-Forwarded-* fields are believed. */
  isTrusted(address: string): boolean;
  /** The client's address behind trusted proxies. */
  clientAddress(peer: string, forwardedFor: string | undefined): string;
}

/** Is told of requests that are over. */
export interface RequestLog {
  finished(request: RequestRecord): void;
  refused(head: RefusedHead): void;
}

export interface RequestObserver extends RequestLog {
  /** A peer that isn't trusted says whose its requests are. */
  claimed(address: string): void;
}

/** A client's connection as the gateway keeps it. */
export interface Guest {
  /** The gateway is going: an idle connection is closed; one at work closes after its answer. */
  closeIfIdle(): void;
  /** Ends it; what is cut off doesn't look whole. */
  destroy(): void;
}

/** Now, on all connections of HTTP/2. */
export interface StreamCounts {
  streams: number;
  /** Connections that have one at least. */
  connections: number;
}

/** What connections and exchanges share. */
export interface Site {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly requestIds: RequestIds;
  readonly date: DateField;
  /** A reload replaces them. A request keeps the route that it found in them. */
  readonly settings: SiteSettings;
  readonly observer: RequestObserver;
  readonly streamCounts: StreamCounts;
  /** What connections over HTTP/2 share. */
  readonly heldBytes: HeldBytes;
  readonly turnstile: Turnstile;
  /** The gateway is going: answers say `Connection: close`. */
  readonly isClosing: boolean;
  closed(guest: Guest): void;
}
