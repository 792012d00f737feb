import type { RouteConfig } from '../control/config/config.js';

/** A route for one of its hosts. */
export interface RouteMatch {
  readonly route: RouteConfig;
  /** Undefined: any. */
  readonly host: string | undefined;
}

/**
 * Routes in the order in which the first that fits is the right one: named hosts, then longer wildcards, then
 * any host; of each the longest path.
 */
export function routeOrder(routes: readonly RouteConfig[]): RouteMatch[] {
  const matches = routes.flatMap((route): RouteMatch[] =>
    route.hosts.length === 0 ? [{ route, host: undefined }] : route.hosts.map((host) => ({ route, host })),
  );
  const tier = ({ host }: RouteMatch): number => (host === undefined ? 2 : host.startsWith('*.') ? 1 : 0);
  return matches.sort(
    (a, b) =>
      tier(a) - tier(b) ||
      (tier(a) === 1
        ? b.host!.length - a.host!.length || (a.host! < b.host! ? -1 : Number(a.host! > b.host!))
        : 0) ||
      b.route.path.length - a.route.path.length,
  );
}

export function isCatchAll({ hosts, path }: Pick<RouteConfig, 'hosts' | 'path'>): boolean {
  return hosts.length === 0 && path === '/';
}
