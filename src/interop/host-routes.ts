import type { RouteConfig } from '../control/config/config.js';

/** Everything that requests for one host can reach. */
export interface HostRoutes {
  /** Undefined: any host that no other entry names. */
  readonly host: string | undefined;
  /** The longest path first. */
  readonly routes: readonly RouteConfig[];
}

/**
 * Routes by host, for balancers that look for the host first and never come back. Ours fall through to the
 * next less specific host where no path fits, so each host is given those routes too, where none of its own
 * covers them. Named hosts, then longer wildcards, then any host.
 */
export function hostRoutes(routes: readonly RouteConfig[]): HostRoutes[] {
  const hosts = [...new Set(routes.flatMap((route) => route.hosts))].sort(
    (a, b) => rank(a) - rank(b) || b.length - a.length || (a < b ? -1 : 1),
  );
  const byHost = new Map<string | undefined, RouteConfig[]>();
  for (const route of routes)
    for (const host of route.hosts.length === 0 ? [undefined] : new Set(route.hosts)) {
      const known = byHost.get(host);
      if (known === undefined) byHost.set(host, [route]);
      else known.push(route);
    }
  return [...hosts, undefined].map((host) => ({ host, routes: reachable(host, byHost) }));
}

/** Does a prefix by whole segments cover the path? */
export function covers(prefix: string, path: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}

function reachable(
  host: string | undefined,
  byHost: ReadonlyMap<string | undefined, readonly RouteConfig[]>,
): RouteConfig[] {
  const names = host === undefined ? [undefined] : [host, ...wider(host), undefined];
  const tiers = names.map((name) => byHost.get(name) ?? []);
  const found: RouteConfig[] = [];
  for (const tier of tiers) {
    found.push(
      ...tier
        .filter((route) => !found.some((nearer) => covers(nearer.path, route.path)))
        .sort((a, b) => b.path.length - a.path.length),
    );
  }
  return found.sort((a, b) => b.path.length - a.path.length || (a.path < b.path ? -1 : 1));
}

/** The wildcards that a host falls under, the longest first. */
function wider(host: string): string[] {
  const labels = (host.startsWith('*.') ? host.slice(2) : host).split('.');
  const names = labels.map((_, at) => `*.${labels.slice(at).join('.')}`);
  // `*.example.org` does not cover `example.org`, nor itself anew.
  return names.slice(1);
}

function rank(host: string): number {
  return host.startsWith('*.') ? 1 : 0;
}
