import { describe, expect, it } from 'vitest';
import type { RouteConfig } from '../control/config/config.js';
import { RouteTable } from '../control/route-table.js';
import { seededRandom } from '../testing/seeded-random.js';
import { plainFacts } from '../route/plain-facts.js';
import { covers, hostRoutes } from './host-routes.js';
import { routeOrder } from './route-order.js';

const HOSTS = ['a.example', '*.example', '*.a.example', 'b.a.example', 'other'];
const PATHS = ['/', '/x', '/x/y', '/x/y/z', '/w'];
const ASKED = ['a.example', 'b.a.example', 'c.b.a.example', 'z.example', 'other', 'none'].flatMap((host) =>
  ['/', '/x', '/xy', '/x/y', '/x/y/z/1', '/w/1', '/v'].map((path) => ({ host, path })),
);

function randomRoutes(seed: number): RouteConfig[] {
  const random = seededRandom(seed);
  const taken = new Set<string>();
  return Array.from({ length: 1 + random.below(8) }, (_, at): RouteConfig => ({
    name: `r${at}`,
    pool: 'p',
    affinity: [],
    balance: { name: 'roundRobin', options: {} },
    hosts: random.below(3) === 0 ? [] : [HOSTS[random.below(HOSTS.length)]!],
    path: PATHS[random.below(PATHS.length)]!,
    demands: [],
    requestEdits: undefined,
    answerEdits: undefined,
    toHttps: undefined,
  })).filter(({ hosts, path }) => !taken.has(`${hosts[0]} ${path}`) && taken.add(`${hosts[0]} ${path}`));
}

/** As nginx and Envoy look: the host decides once, then the longest path of it. */
function byHost(routes: readonly RouteConfig[], host: string, path: string): string | undefined {
  const all = hostRoutes(routes);
  const own =
    all.find((one) => one.host === host) ??
    all.find((one) => one.host?.startsWith('*.') && host.endsWith(one.host.slice(1))) ??
    all.at(-1)!;
  return own.routes.find((route) => covers(route.path, path))?.name;
}

/** As HAProxy and Caddy look: the first that fits. */
function byOrder(routes: readonly RouteConfig[], host: string, path: string): string | undefined {
  return routeOrder(routes).find(
    (match) =>
      (match.host === undefined ||
        match.host === host ||
        (match.host.startsWith('*.') && host.endsWith(match.host.slice(1)))) &&
      covers(match.route.path, path),
  )?.route.name;
}

describe('routes for balancers that match in another way lead where ours lead', () => {
  it.each([
    ['by host', byHost],
    ['by order', byOrder],
  ] as const)('%s, for 500 random sets of routes', (_, find) => {
    for (let seed = 1; seed <= 500; seed++) {
      const routes = randomRoutes(seed);
      const table = new RouteTable(routes);
      for (const { host, path } of ASKED)
        expect(find(routes, host, path), `seed ${seed}: ${host}${path} in ${JSON.stringify(routes)}`).toBe(
          table.find(host, path, plainFacts({ nowMs: 0 }))?.name,
        );
    }
  });
});
