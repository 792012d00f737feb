import type { Config, PoolConfig, RouteConfig } from '../control/config/config.js';
import { affinityView, type AffinityView } from './affinity-view.js';
import { lowerCase, Names, plainName } from './names.js';
import type { Report } from './report.js';

/**
 * A pool as it is used by routes with one kind of affinity. Elsewhere the choice of an upstream belongs to
 * the set of upstreams, not to the route, so a pool that two routes use in two ways becomes two sets.
 */
export interface Group {
  /** Unique; the pool's name for its first group. */
  readonly name: string;
  /** Unique too, of letters, digits and underscores: a part of the names of variables. */
  readonly tag: string;
  readonly pool: PoolConfig;
  /**
   * Where the pool and the affinity stand in our file, for what is said of them: `pools.api.`, or nothing in
   * the short form.
   */
  readonly poolAt: string;
  readonly affinityAt: string;
  readonly balance: string;
  readonly view: AffinityView;
}

export interface Groups {
  readonly all: readonly Group[];
  of(route: RouteConfig): Group;
}

/** Every use of a pool, in the order of the pools. */
export function groupsOf(config: Config, report: Report): Groups {
  const byRoute = new Map<RouteConfig, Group>();
  const all: Group[] = [];
  const names = new Names([], lowerCase);
  const tags = new Names();
  // First the pools themselves, so that no second use of one takes another's name.
  const firstNames = new Map(config.pools.map((pool) => [pool, names.unique(pool.name)]));
  const isShort = isShorthand(config);
  const routesOf = new Map<string, RouteConfig[]>(config.pools.map(({ name }) => [name, []]));
  for (const route of config.routes) routesOf.get(route.pool)?.push(route);
  for (const pool of config.pools) {
    const poolAt = isShort ? '' : `pools.${pool.name}.`;
    const used = new Map<string, Group>();
    for (const route of routesOf.get(pool.name)!) {
      // As text: thousands of routes are not compared with each other.
      const use = JSON.stringify([route.affinity, route.balance]);
      const twin = used.get(use);
      const affinityAt = isShort ? 'affinity' : `route ${route.name} affinity`;
      const name =
        used.size === 0
          ? firstNames.get(pool)!
          : twin === undefined
            ? names.unique(`${pool.name}-${used.size + 1}`)
            : '';
      const group: Group = twin ?? {
        name,
        tag: tags.unique(plainName(name), '_'),
        pool,
        poolAt,
        affinityAt,
        balance: route.balance.name,
        view: affinityView(route.affinity, affinityAt, report),
      };
      if (twin === undefined) all.push(group);
      used.set(use, group);
      byRoute.set(route, group);
    }
    if (used.size === 0) report.say(`${poolAt}upstreams`, 'is not carried over: no route uses this pool.');
  }
  return { all, of: (route) => byRoute.get(route)! };
}

/** Was it written with `upstreams:` at the top? Then messages speak of the top, too. */
export function isShorthand({ pools, routes }: Config): boolean {
  return (
    pools.length === 1 && pools[0]!.name === 'default' && routes.length === 1 && routes[0]!.name === 'default'
  );
}
