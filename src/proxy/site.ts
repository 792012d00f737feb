import type { Clock } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { Deadlines } from './deadlines.js';
import type { Limits } from './limits.js';
import type { RequestIds } from './request-ids.js';
import type { GatewayRoute } from './gateway-route.js';
import type { RefusedHead, RequestRecord } from './request-record.js';

/**
 * What connections and exchanges share. A reload changes what `routeFor` answers; requests under way keep
 * what they have.
 */
export interface Site {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly requestIds: RequestIds;
  readonly expose: boolean;
  /** The gateway is going: answers say `Connection: close`. */
  readonly isClosing: boolean;
  /** Whether the peer's X-Forwarded-* fields are believed. */
  isTrusted(address: string): boolean;
  /** The client's address behind trusted proxies. */
  clientAddress(peer: string, forwardedFor: string | undefined): string;
  routeFor(host: string, path: string): GatewayRoute | undefined;
  finished(request: RequestRecord): void;
  refused(head: RefusedHead): void;
  closed(connection: object): void;
}
