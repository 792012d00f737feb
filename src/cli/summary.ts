import type { Config, Listen, PoolConfig, RouteConfig } from '../control/config/config.js';
import type { Match } from '../control/config/match.js';
import { demandText } from '../control/config/routes.js';

/** Lists stay readable on a screen. */
const NAMED_MAX = 8;

/** `1 route, 1 pool, 3 upstreams, listens at port 8080` */
export function summary(config: Config): string {
  const upstreams = config.pools.reduce((sum, pool) => sum + pool.upstreams.length, 0);
  const sources = config.pools.reduce((sum, pool) => sum + pool.sources.length, 0);
  const beside = sources === 0 ? '' : ` and ${count(sources, 'source')}`;
  const workers =
    config.workers === 1
      ? ''
      : config.workers === 'auto'
        ? ' with a worker a core'
        : ` with ${config.workers} workers`;
  return `${count(config.routes.length, 'route')}, ${count(config.pools.length, 'pool')}, ${count(upstreams, 'upstream')}${beside}, listens at ${listenText(config.listen)}${workers}`;
}

/** What runs, a line a route and a line a pool. */
export function overview(config: Config): string[] {
  return [...config.routes.map(routeLine), ...config.pools.map(poolLine)];
}

export function listenText({ host, port }: Listen): string {
  if (host === undefined) return `port ${port}`;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** `any host, path /api, GET|HEAD, header:x-tenant=acme` */
export function matchText({ hosts, path, demands }: Match): string {
  const more = demands.map(demandText).join(', ');
  return `${hosts.length === 0 ? 'any host' : some(hosts)}, path ${path}${more === '' ? '' : `, ${more}`}`;
}

function routeLine(route: RouteConfig): string {
  const affinity = route.affinity.length === 0 ? 'none' : route.affinity.map(({ name }) => name).join(', ');
  return `route ${route.name}: ${matchText(route)} → pool ${route.pool}; affinity ${affinity}; balance ${route.balance.name}`;
}

function poolLine(pool: PoolConfig): string {
  const members = pool.upstreams.map(({ id, url, weight, draining }) => {
    const traits = [weight === 1 ? '' : `weight ${weight}`, draining ? 'draining' : ''].filter(
      (trait) => trait !== '',
    );
    return `${id} ${url}${traits.length === 0 ? '' : ` (${traits.join(', ')})`}`;
  });
  const sources = pool.sources.map(({ name }) => `upstreams of the source ${name}`);
  return `pool ${pool.name}: ${pool.placement.name} over ${some([...members, ...sources])}`;
}

function some(names: readonly string[]): string {
  const rest = names.length - NAMED_MAX;
  return rest <= 0 ? names.join(', ') : `${names.slice(0, NAMED_MAX).join(', ')} and ${rest} more`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
