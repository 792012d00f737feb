import type { RouteConfig } from './config.js';
import { pathText, type Issue } from './problem.js';

/**
 * A route's name when it has none: what it matches, so that it stays the same when the list is sorted. It is
 * the scope of cookies.
 */
export function routeName(hosts: readonly string[], path: string): string {
  return `${hosts.join(',')}${path}`;
}

/** The most specific first: named hosts, then wildcards, then any host; in each the longer path first. */
export function bySpecificity(a: RouteConfig, b: RouteConfig): number {
  return hostRank(a) - hostRank(b) || segments(b.path) - segments(a.path) || (a.name < b.name ? -1 : 1);
}

/**
 * Two routes that match the same requests, or share a name: the second would never answer, or read the first
 * one's cookies.
 */
export function duplicateRoutes(
  routes: readonly (Pick<RouteConfig, 'name' | 'hosts' | 'path'> & { readonly at: readonly PropertyKey[] })[],
  issues: Issue[],
): void {
  const byMatch = new Map<string, readonly PropertyKey[]>();
  const byName = new Map<string, readonly PropertyKey[]>();
  for (const { name, hosts, path, at } of routes) {
    const places = hosts.length === 0 ? [''] : hosts;
    const taken = places.find((place) => byMatch.has(`${place} ${path}`));
    const namesake = byName.get(name);
    if (taken !== undefined) {
      const first = pathText(byMatch.get(`${taken} ${path}`)!);
      const what = `${taken === '' ? 'any host' : taken} with path ${path}`;
      issues.push({
        path: at,
        message: `matches ${what}, as ${first} does already, so it would never be used. Remove one, or give one another match.`,
      });
    } else if (namesake !== undefined) {
      issues.push({
        path: [...at, 'name'],
        message: `is the name of ${pathText(namesake)} too. Give each route a name of its own: it is the scope of its cookies.`,
      });
    }
    for (const place of places) if (!byMatch.has(`${place} ${path}`)) byMatch.set(`${place} ${path}`, at);
    if (namesake === undefined) byName.set(name, at);
  }
}

function hostRank({ hosts }: RouteConfig): number {
  if (hosts.length === 0) return 2;
  return hosts.some((host) => !host.startsWith('*')) ? 0 : 1;
}

function segments(path: string): number {
  return path === '/' ? 0 : path.split('/').length - 1;
}
