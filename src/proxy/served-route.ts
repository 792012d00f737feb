import type { Rule } from '../route/affinity/rule.js';
import type { Affinity } from '../route/router.js';
import type { ForwardLines } from './forwarded-cookies.js';
import type { PoolConnections } from './pool-connections.js';
import type { RouteTally } from './tally.js';

/** A route as the gateway walks it. */
export interface ServedRoute {
  readonly name: string;
  readonly affinity: Affinity;
  readonly pool: PoolConnections;
  /** Some rule of it can't always answer at once. */
  readonly mayWait: boolean;
  /** Some rule of it binds clients on answers. */
  readonly binds: boolean;
  /** Some rule of it changes what the upstream gets of the cookies. */
  readonly forwardLines: ForwardLines | undefined;
  readonly tally: RouteTally;
  /** What a rule is called in logs and `x-affinity`. */
  ruleName(rule: Rule): string;
}
