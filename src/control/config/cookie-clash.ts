import { plainFacts } from '../../route/plain-facts.js';
import type { Placement } from '../../route/placement/placement.js';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { RouteConfig } from './config.js';
import { pathText, type Issue } from './problem.js';
import { sampleRule } from './sample-rule.js';

/** A cookie as a browser tells it from others: by name, path and domain. */
interface WrittenCookie {
  readonly name: string;
  readonly identity: string;
  readonly hasDomain: boolean;
  readonly route: Pick<RouteConfig, 'name' | 'hosts'>;
  readonly at: readonly PropertyKey[];
}

/**
 * Two routes that write one cookie: a browser keeps only the last, and a cookie of one route means nothing to
 * the other, so each request to the one would take away the binding of the other. What a rule writes is asked
 * of the rule itself.
 */
export function cookieClashes(
  routes: readonly (RouteConfig & { readonly at: readonly PropertyKey[] })[],
  issues: Issue[],
): void {
  const written: WrittenCookie[] = [];
  for (const route of routes) {
    route.affinity.forEach((choice, index) => {
      const cookie = cookieOf(choice.name, choice.options, route.name);
      if (cookie === undefined) return;
      const at = [...route.at, 'affinity', index];
      const other = written.find(
        (earlier) =>
          earlier.identity === cookie.identity && (earlier.hasDomain || overlap(earlier.route, route)),
      );
      if (other === undefined) written.push({ ...cookie, route, at });
      else issues.push({ path: at, message: clash(cookie.name, pathText(other.at), choice.name) });
    });
  }
}

function clash(cookie: string, other: string, rule: string): string {
  return `writes the cookie ${cookie}, as ${other} does; a browser would keep only one of the two. Write another name: ${rule}: { name: ${cookie}-2 }.`;
}

/** Asks the rule for a `Set-Cookie` and reads what identifies it. */
function cookieOf(
  name: string,
  options: unknown,
  route: string,
): Pick<WrittenCookie, 'name' | 'identity' | 'hasDomain'> | undefined {
  const rule = sampleRule(name, options, route);
  if (rule?.bind === undefined) return undefined;
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
  standings: ['in'],
  placement: NO_PLACEMENT,
  indexOf: () => undefined,
};

function overlap(
  a: { readonly hosts: readonly string[] },
  b: { readonly hosts: readonly string[] },
): boolean {
  if (a.hosts.length === 0 || b.hosts.length === 0) return true;
  return a.hosts.some((one) => b.hosts.some((other) => covers(one, other) || covers(other, one)));
}

function covers(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith('*') && host.endsWith(pattern.slice(1)));
}
