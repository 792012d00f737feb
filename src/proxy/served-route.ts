import type { Rule } from '../route/affinity/rule.js';
import type { RequestLine } from '../route/facts.js';
import type { Affinity } from '../route/router.js';
import type { ForwardLines } from './forwarded-cookies.js';
import type { FieldEdits, RequestEdits } from './edits.js';
import type { AnsweringRoute, OwnAnswer } from './own-answer.js';
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
  /** How the request is changed for upstreams, and the answer for clients; most routes change nothing. */
  readonly requestEdits: RequestEdits | undefined;
  readonly answerEdits: FieldEdits | undefined;
  /** The answer to a request that did not come by HTTPS, where it must. */
  readonly toHttps: OwnAnswer | undefined;
  /** What a rule is called in logs and `x-affinity`. */
  ruleName(rule: Rule): string;
}

/** The gateway's own answer to this request; undefined when it goes to an upstream. */
export function ownAnswer(
  route: ServedRoute | AnsweringRoute,
  { isSecure }: RequestLine,
  host: string,
): OwnAnswer | undefined {
  if (route.pool === undefined) return route.answer;
  if (route.toHttps === undefined || isSecure) return undefined;
  return host === '' ? NOWHERE : route.toHttps;
}

/** An HTTP/1.0 request may name no host to redirect to. */
const NOWHERE: OwnAnswer = { status: 400, code: 'host-missing', location: undefined, content: undefined };
