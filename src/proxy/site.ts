import type { Clock } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { Rule } from '../route/affinity/rule.js';
import type { Affinity } from '../route/router.js';
import type { Deadlines } from './deadlines.js';
import type { Exchange } from './exchange.js';
import type { Limits } from './limits.js';
import type { PoolConnections } from './pool-connections.js';

/** A route as the gateway walks it. */
export interface GatewayRoute {
  readonly name: string;
  readonly affinity: Affinity;
  readonly pool: PoolConnections;
  /** What a rule is called in logs and `x-affinity`. */
  ruleName(rule: Rule): string;
}

/** A request that never became an exchange: its head was refused. */
export interface RefusedHead {
  readonly address: string;
  readonly status: number;
  readonly code: string;
}

/** What connections and exchanges share. A reload changes what `routeFor` answers; requests under way keep what they have. */
export interface Site {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly expose: boolean;
  /** The gateway is going: answers say `Connection: close`. */
  readonly isClosing: boolean;
  /** Whether the peer's X-Forwarded-* fields are believed. */
  isTrusted(address: string): boolean;
  /** The client's address behind trusted proxies. */
  clientAddress(peer: string, forwardedFor: string | undefined): string;
  routeFor(host: string, path: string): GatewayRoute | undefined;
  finished(exchange: Exchange): void;
  refused(head: RefusedHead): void;
  closed(connection: object): void;
}
