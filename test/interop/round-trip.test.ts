import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble, type Assembly } from '../../src/control/assembly.js';
import { parseConfig, readConfig } from '../../src/control/config/load.js';
import { exportText, targets } from '../../src/interop/export.js';
import { importText, origins } from '../../src/interop/import.js';
import { Report } from '../../src/interop/report.js';
import { decide } from '../../src/route/router.js';
import { plainFacts } from '../../src/route/plain-facts.js';
import type { Random } from '../../src/base/random.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { draws } from '../support/draws.js';

const CONFIGS = draws(60);
const REQUESTS = 60;
const SEED = Number(process.env['SIM_SEED'] ?? 20_261_122);
/** Seeds that once found a fault. */
const FOUND = [56, 1036];

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-round-trip-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOSTS = ['example.org', 'api.example.org', '*.example.org', '*.a.example.org', 'other.example'];
const PATHS = ['/', '/a', '/a/b', '/ab', '/users', '/a/b/c%20d', '/x;{y}$'];
const ASKED_HOSTS = [
  'example.org',
  'api.example.org',
  'x.a.example.org',
  'y.x.a.example.org',
  'z.example.org',
  'other.example',
  'nobody.example',
  '127.0.0.1',
];
const ASKED_PATHS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/a/bc',
  '/ab',
  '/abc',
  '/users/7',
  '/users/ann/orders',
  '/api/users/ann',
  '/a/b/c%20d/e',
  '/x;{y}$/z',
  '/b',
];

/** What each target can say without a loss, so that nothing but a fault makes the two differ. */
const ABLE = {
  nginx: {
    placements: ['nginxConsistent', 'nginxHash', 'nginxIpHash'],
    rules: [
      { header: 'x-user-id' },
      { query: 'u' },
      { keyCookie: 'sid' },
      { keyCookie: 'my-sid' },
      { path: '/users/:id' },
      { path: '/api/users/:id' },
      'ip',
      { routeCookie: 'backend' },
    ],
    weightMax: 5,
    hasDraining: true,
  },
  haproxy: {
    placements: [
      'haproxyConsistent',
      'haproxyMap',
      { haproxyConsistent: { hash: 'djb2', avalanche: true } },
      { haproxyMap: { hash: 'crc32' } },
      { haproxyConsistent: { source: true } },
    ],
    rules: [
      { header: 'x-user-id' },
      { query: 'u' },
      { keyCookie: 'my-sid' },
      { path: '/users/:id' },
      'ip',
      { ip: { prefix4: 24, prefix6: 64 } },
      { routeCookie: 'backend' },
    ],
    weightMax: 5,
    hasDraining: false,
  },
  caddy: {
    placements: ['caddyHrw'],
    rules: [{ header: 'x-user-id' }, { query: 'u' }, 'ip', 'cookie'],
    weightMax: 1,
    hasDraining: true,
  },
} as const;

function some<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

function randomConfig(target: keyof typeof ABLE, random: Random): object {
  const { placements, rules, weightMax, hasDraining } = ABLE[target];
  const pools = Object.fromEntries(
    Array.from({ length: 1 + random.below(3) }, (_, pool) => {
      const size = 1 + random.below(6);
      const upstreams = Object.fromEntries(
        Array.from({ length: size }, (__, at) => [
          `p${pool}-${at}`,
          {
            url: `http://10.${pool}.${random.below(250)}.${at + 1}${random.below(3) === 0 ? '' : `:${8000 + random.below(100)}`}`,
            weight: 1 + random.below(weightMax),
            draining: hasDraining && at > 0 && random.below(6) === 0,
          },
        ]),
      );
      return [`pool-${pool}`, { upstreams, placement: some(random, placements as readonly unknown[]) }];
    }),
  );
  const seen = new Set<string>();
  const routes = Array.from({ length: 1 + random.below(6) }, () => {
    const host = random.below(2) === 0 ? undefined : some(random, HOSTS);
    const path = some(random, PATHS);
    const pool = some(random, Object.keys(pools));
    const placement = JSON.stringify((pools[pool] as { placement: unknown }).placement);
    // These two know addresses alone.
    const usable = placement.includes('nginxIpHash') || placement.includes('source') ? ['ip'] : rules;
    const affinity: unknown[] = [];
    for (let count = random.below(4); count > 0; count--) {
      const rule = some(random, usable as readonly unknown[]);
      if (affinity.some((other) => JSON.stringify(other) === JSON.stringify(rule))) continue;
      // Bindings come first, as other balancers have it.
      if (/routeCookie|"cookie/.test(JSON.stringify(rule))) affinity.unshift(rule);
      else affinity.push(rule);
    }
    return {
      name: `r${seen.size}`,
      match: { ...(host !== undefined && { host }), path },
      pool,
      affinity,
      balance: some(random, ['roundRobin', 'leastRequests', 'twoChoices']),
    };
  })
    .filter(({ match: { host, path } }) => !seen.has(`${host}${path}`) && seen.add(`${host}${path}`))
    .map((route, at) => ({
      ...route,
      name: `r${at}`,
      affinity: route.affinity.map((rule) => (rule === 'cookie' ? { cookie: { name: `sr${at}` } } : rule)),
    }));
  return { pools, routes, keys: ['k'.repeat(32)] };
}

function randomRequest(random: Random, ids: readonly string[]) {
  const user = `user-${random.below(1000)}`;
  const query = random.below(3) === 0 ? `?page=1&u=${user}` : '';
  const headers: [string, string][] = [];
  if (random.below(3) === 0) headers.push(['x-user-id', user]);
  if (random.below(3) === 0)
    headers.push([
      'cookie',
      `a=b; my-sid=${user}; sid=s${user}; backend=${random.below(4) === 0 ? 'nobody' : some(random, ids)}`,
    ]);
  const ip =
    random.below(5) === 0
      ? `2001:db8::${(1 + random.below(60_000)).toString(16)}`
      : `${1 + random.below(200)}.${random.below(250)}.${random.below(250)}.${random.below(250)}`;
  return {
    url: `http://${some(random, ASKED_HOSTS)}${some(random, ASKED_PATHS)}${query}`,
    headers,
    ip,
    nowMs: 0,
  };
}

/** What is decided, in words that don't depend on names: URLs, in the order in which they would be tried. */
function decision(assembly: Assembly, request: ReturnType<typeof randomRequest>): string {
  const facts = plainFacts(request);
  const route = assembly.routeFor(facts);
  if (route?.pool === undefined) return 'no route';
  const pool = route.pool.snapshot;
  const found = decide(route.affinity, facts, pool, new Uint32Array(pool.upstreams.length), seededRandom(1));
  const all = [...pool.upstreams]
    .filter(({ draining }) => !draining)
    .map(({ url }) => url)
    .sort()
    .join(' ');
  if (found.outcome !== 'keyed' && found.outcome !== 'bound' && found.outcome !== 'borrowed')
    return `one of ${all}`;
  const url = pool.upstreams[found.index]!.url;
  if (found.outcome === 'bound') return `${url}, then any`;
  const next = found.next('unreachable');
  // Where nginx gives up looking, the balance goes on, in its own way.
  return `${url}, then ${(found.outcome as string) === 'balanced' ? 'any' : (pool.upstreams[next]?.url ?? 'none')}`;
}

describe(`import(export(x)) decides as x, for ${CONFIGS} random configurations (SIM_SEED=${SEED})`, () => {
  it.each(Object.keys(ABLE) as (keyof typeof ABLE)[])(
    '%s',
    (target) => {
      let keyed = 0;
      for (const seed of [...FOUND, ...Array.from({ length: CONFIGS }, (_, at) => SEED + at)]) {
        const random = seededRandom(seed);
        const written = randomConfig(target, random);
        const config = readConfig(written);
        const text = exportText(
          targets.find(({ name }) => name === target)!,
          config,
          'x',
          undefined,
          new Report(),
        );
        const file = join(folder, `${target}.conf`);
        writeFileSync(file, text);
        const report = new Report();
        const yaml = importText(
          file,
          file,
          origins.find(({ name }) => name === target)!,
          report,
        );
        const story = (): string =>
          `SIM_SEED=${seed}\n${JSON.stringify(written, null, 1)}\n${text}\n${yaml}\n${report.lines.join('\n')}`;
        const [before, after] = [
          assemble(config),
          assemble(parseConfig(yaml, { source: 'y', folder, env: {} })),
        ];
        const ids = config.pools.flatMap(({ upstreams }) => upstreams.map(({ id }) => id));
        for (let asked = 0; asked < REQUESTS; asked++) {
          const request = randomRequest(random, ids);
          const [was, is] = [decision(before, request), decision(after, request)];
          if (was.includes('then')) keyed++;
          if (was !== is) expect.fail(`${JSON.stringify(request)}\nwas ${was}\nis  ${is}\n${story()}`);
        }
      }
      console.log(`${target}: ${keyed} of ${CONFIGS * REQUESTS} requests had a key or a binding`);
      expect(keyed).toBeGreaterThan((CONFIGS * REQUESTS) / 20);
    },
    90_000,
  );
});
