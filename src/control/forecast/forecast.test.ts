import { describe, expect, it } from 'vitest';
import { assemble } from '../assembly.js';
import { readConfig } from '../config/load.js';
import { forecast, forecastText, moreThan } from './forecast.js';
import type { Forecast } from './forecast.js';
import { outlookOf } from './outlook.js';

const [K1, K2, K3] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];

function upstreams(count: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const ids = Array.from({ length: count }, (_, at) => at + 1);
  return {
    ...Object.fromEntries(ids.map((at) => [`api-${at}`, `http://10.0.${at >> 8}.${at & 255}`])),
    ...more,
  };
}

function told(before: object, after: object): Forecast {
  const [old, now] = [before, after].map((value) => outlookOf(assemble(readConfig(value))));
  return forecast(old!, now!);
}

const byHeader = { upstreams: upstreams(3), affinity: [{ header: 'x-user-id' }] };
const byCookie = { upstreams: upstreams(3), keys: [K1] };
const both = { ...byHeader, affinity: ['cookie', { header: 'x-user-id' }], keys: [K1] };
const pools = { a: { upstreams: upstreams(2) }, b: { upstreams: { 'b-1': 'http://10.1.0.1' } } };
const routes = (more: object[]): object => ({
  keys: [K1],
  pools,
  routes: [{ name: 'site', pool: 'a' }, ...more],
});

const CASES: readonly (readonly [name: string, before: object, after: object, moved: number])[] = [
  ['the same', byHeader, byHeader, 0],
  ['an upstream more, by key', byHeader, { ...byHeader, upstreams: upstreams(4) }, 0.252],
  ['an upstream more, by cookie', byCookie, { ...byCookie, upstreams: upstreams(4) }, 0],
  ['an upstream more, by cookie and key', both, { ...both, upstreams: upstreams(4) }, 0],
  ['an upstream less, by key', byHeader, { ...byHeader, upstreams: upstreams(2) }, 0.33],
  ['an upstream less, by cookie', byCookie, { ...byCookie, upstreams: upstreams(2) }, 0.33],
  [
    'an upstream more and a weight',
    byHeader,
    { ...byHeader, upstreams: upstreams(4, { 'api-1': { url: 'http://10.0.0.1', weight: 3 } }) },
    0.37,
  ],
  ['another address', byHeader, { ...byHeader, upstreams: upstreams(3, { 'api-1': 'http://10.0.9.9' }) }, 0],
  [
    'a standing',
    both,
    { ...both, upstreams: upstreams(3, { 'api-1': { url: 'http://10.0.0.1', standing: 'out' } }) },
    0.33,
  ],
  ['another placement', byHeader, { ...byHeader, placement: 'ring' }, 0.66],
  ['keys replaced', both, { ...both, keys: [K2] }, 1],
  ['a new first key', both, { ...both, keys: [K2, K1] }, 0],
  ['an old key less', { ...both, keys: [K2, K1, K3] }, { ...both, keys: [K2, K3] }, 0],
  ['keys given', { ...both, keys: undefined }, both, 1],
  ['still no keys', { upstreams: upstreams(2) }, { upstreams: upstreams(2) }, 0],
  ['another name of the cookie', byCookie, { ...byCookie, affinity: [{ cookie: 'sr2' }] }, 1],
  ['secure: always', byCookie, { ...byCookie, affinity: [{ cookie: { secure: 'always' } }] }, 1],
  ['rules the other way round', both, { ...both, affinity: [{ header: 'x-user-id' }, 'cookie'] }, 0],
  ['an address instead of the cookie', byCookie, { ...byCookie, affinity: ['ip'] }, 1],
  ['an address before the cookie, which stays', byCookie, { ...byCookie, affinity: ['ip', 'cookie'] }, 1],
  [
    'keys replaced, an address behind',
    { ...byCookie, affinity: ['cookie', 'ip'] },
    { ...byCookie, affinity: ['cookie', 'ip'], keys: [K2] },
    1,
  ],
  ['another header', byHeader, { ...byHeader, affinity: [{ header: 'x-account' }] }, 0.66],
  [
    'a wider network',
    { ...byHeader, affinity: ['ip'] },
    { ...byHeader, affinity: [{ ip: { prefix4: 24 } }] },
    0.66,
  ],
  [
    'limits and failures',
    byCookie,
    { ...byCookie, affinity: [{ cookie: { idle: '30m', onFailure: 'reject', rehomeAfter: '1m' } }] },
    0,
  ],
  ['a balance', byCookie, { ...byCookie, balance: 'roundRobin' }, 0],
  [
    'trusted proxies',
    { ...byHeader, affinity: ['ip'] },
    { ...byHeader, affinity: ['ip'], trustedProxies: ['10.0.0.0/8'] },
    0,
  ],
  ['what waits for a restart', byHeader, { ...byHeader, listen: 9090, workers: 2 }, 0],
  ['a route to another pool', routes([]), { ...routes([]), routes: [{ name: 'site', pool: 'b' }] }, 1],
  [
    'a route that appears',
    routes([]),
    routes([{ name: 'api', match: { path: '/api' }, pool: 'b', affinity: [{ cookie: 'sr-2' }] }]),
    1,
  ],
  [
    'a route that vanishes',
    { ...routes([]), routes: [{ name: 'api', match: { host: 'a.example' }, pool: 'a' }] },
    { ...routes([]), routes: [{ name: 'other', match: { host: 'b.example' }, pool: 'a' }] },
    1,
  ],
  ['a route of another name', routes([]), { ...routes([]), routes: [{ name: 'shop', pool: 'a' }] }, 1],
  [
    'a route that answers by itself',
    routes([]),
    { ...routes([]), routes: [{ name: 'site', respond: { status: 410 } }] },
    1,
  ],
];

describe('a forecast', () => {
  it.each(CASES)('%s', (_, before, after, moved) => {
    const said = told(before, after);
    expect(said.moved).toBeCloseTo(moved, 1);
    expect(told(before, after)).toEqual(said);
  });

  it('says so in these words', async () => {
    const texts = CASES.map(([name, before, after]) => [
      `# ${name}`,
      ...forecastText(told(before, after)),
      '',
    ]);
    await expect(texts.flat().join('\n')).toMatchFileSnapshot('../../../test/config/forecasts.txt');
  });

  it('says when more move than may', () => {
    const said = told(byHeader, { ...byHeader, upstreams: upstreams(4) });
    expect(moreThan(said, 0.26)).toBeUndefined();
    expect(moreThan(said, 0.05)).toMatch(/^2\d\.\d % of users move, and 5\.0 % may\.$/);
  });

  it.each(['rendezvous', 'ring', 'maglev', 'nginxConsistent'])(
    'counts as 50 000 users would: %s',
    (placement) => {
      for (const [from, to] of [
        [3, 4],
        [12, 10],
        [40, 60],
      ] as const) {
        const [old, now] = [from, to].map((count) => ({
          ...byHeader,
          placement,
          upstreams: upstreams(count),
        }));
        const [was, is] = [old!, now!].map(
          (config) => assemble(readConfig(config)).pools.get('default')!.snapshot.placement,
        );
        let moved = 0;
        for (let user = 0; user < 50_000; user++) {
          const key = `${user}@example.org`;
          if (was!.members[was!.owner(key)]!.id !== is!.members[is!.owner(key)]!.id) moved++;
        }
        expect(Math.abs(told(old!, now!).moved - moved / 50_000)).toBeLessThan(0.015);
      }
    },
  );

  it('is quick with 4096 upstreams, and names a few of many flows', () => {
    const before = { ...byHeader, upstreams: upstreams(4096) };
    const after = { ...byHeader, upstreams: upstreams(4095), keys: [K1] };
    const [old, now] = [before, after].map((value) => outlookOf(assemble(readConfig(value))));
    // Tables are made with the pools, or by the first key.
    for (const { pools } of [old!, now!]) pools.get('default')!.placement.owner('warm');
    const began = process.cpuUsage();
    const said = forecast(old!, now!);
    const { user } = process.cpuUsage(began);
    expect(user / 1000).toBeLessThan(2000);
    expect(said.moved).toBeLessThan(0.002);
    expect(told(before, { ...before, placement: 'ring' }).lines[0]!.flows!.length).toBe(100);
  });
});
