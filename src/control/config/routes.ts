import type { Demand } from '../route-table.js';
import type { Match } from './match.js';
import { pathText, type Issue } from './problem.js';

/**
 * A route's name when it has none: what it matches, so that it stays the same when the list is sorted. It is
 * the scope of cookies.
 */
export function routeName({ hosts, path, demands }: Match): string {
  return `${hosts.join(',')}${path}${demands.map((each) => ` ${demandText(each)}`).join('')}`;
}

/** `GET|HEAD`, `x-tenant=acme`, `beta?` for one that is there, `!beta` for one that is not. */
export function demandText(condition: Demand): string {
  if (condition.kind === 'method') return condition.oneOf.join('|');
  const { kind, name, wants } = condition;
  const what = `${kind}:${name}`;
  return typeof wants === 'boolean' ? (wants ? what : `!${what}`) : `${what}=${wants.join('|')}`;
}

/**
 * The most specific first: named hosts, then wildcards, then any host; in each the longer path first, then
 * the one with more demands. Those that are alike in all that stay in the order of the file.
 */
export function bySpecificity(a: Match & { readonly name: string }, b: typeof a): number {
  const rank =
    hostRank(a) - hostRank(b) || segments(b.path) - segments(a.path) || b.demands.length - a.demands.length;
  if (rank !== 0 || a.demands.length > 0) return rank;
  return a.name < b.name ? -1 : 1;
}

/**
 * Two routes that match the same requests, or share a name: the second would never answer, or read the first
 * one's cookies.
 */
export function duplicateRoutes(
  routes: readonly (Match & { readonly name: string; readonly at: readonly PropertyKey[] })[],
  issues: Issue[],
): void {
  const byMatch = new Map<string, readonly PropertyKey[]>();
  const byName = new Map<string, readonly PropertyKey[]>();
  for (const route of routes) {
    const { name, hosts, at } = route;
    const path = routeName({ ...route, hosts: [] });
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

function hostRank({ hosts }: Match): number {
  if (hosts.length === 0) return 2;
  return hosts.some((host) => !host.startsWith('*')) ? 0 : 1;
}

function segments(path: string): number {
  return path === '/' ? 0 : path.split('/').length - 1;
}
