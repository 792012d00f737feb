import { plainFacts } from '../../route/plain-facts.js';
import type { Placement } from '../../route/placement/placement.js';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { RouteConfig } from './config.js';
import { CookieOwners } from './cookie-owners.js';
import type { Rule } from '../../route/affinity/rule.js';
import type { Kinds } from '../../route/kinds.js';
import { pathText, type Issue } from './problem.js';
import { sampleRule } from './sample-rule.js';

/** A cookie as a browser tells it from others: by name, path and domain. */
interface WrittenCookie {
  readonly name: string;
  readonly identity: string;
  readonly hasDomain: boolean;
}

/**
 * Two routes that write one cookie: a browser keeps only the last, and a cookie of one route means nothing to
 * the other, so each request to the one would take away the binding of the other. What a rule writes is asked
 * of the rule itself.
 */
export function cookieClashes(
  routes: readonly (RouteConfig & { readonly at: readonly PropertyKey[] })[],
  issues: Issue[],
  kinds: Kinds,
): void {
  const written = new Map<string, CookieOwners<readonly PropertyKey[]>>();
  for (const route of routes) {
    route.affinity.forEach((choice, index) => {
      const cookie = cookieOf(sampleRule(kinds, choice, route.name));
      if (cookie === undefined) return;
      const at = [...route.at, 'affinity', index];
      const owners = written.get(cookie.identity) ?? new CookieOwners();
      written.set(cookie.identity, owners);
      const other = owners.meeting(route.hosts);
      if (other === undefined) owners.add(at, route.hosts, cookie.hasDomain);
      else issues.push({ path: at, message: clash(cookie.name, pathText(other), choice.name) });
    });
  }
}

function clash(cookie: string, other: string, rule: string): string {
  return `writes the cookie ${cookie}, as ${other} does; a browser would keep only one of the two. Write another name: ${rule}: { name: ${cookie}-2 }.`;
}

/** Asks the rule for a `Set-Cookie` and reads what identifies it. */
function cookieOf(rule: Rule): WrittenCookie | undefined {
  if (rule.bind === undefined) return undefined;
  const [pair = '', ...attributes] = rule.bind(plainFacts({ nowMs: 0 }), SOME_POOL, 0).split('; ');
  const find = (attribute: string): string =>
    attributes.find((text) => text.toLowerCase().startsWith(`${attribute}=`))?.toLowerCase() ?? '';
  const cookie = pair.slice(0, pair.indexOf('='));
  return {
    name: cookie,
    identity: `${cookie};${find('domain')};${find('path')}`,
    hasDomain: find('domain') !== '',
  };
}

const NO_PLACEMENT: Placement = {
  name: '',
  members: [],
  owner: () => -1,
  rank: () => [],
  withMembers: () => NO_PLACEMENT,
};

const SOME_POOL: PoolSnapshot = {
  version: 0,
  upstreams: [{ id: 'a', url: 'http://a', weight: 1, draining: false }],
  conditions: ['up'],
  awaySince: [0],
  standings: ['in'],
  placement: NO_PLACEMENT,
  indexOf: () => undefined,
};
