import { describe, expect, it } from 'vitest';
import { plainFacts } from '../route/plain-facts.js';
import { assemble, sealsBindings } from './assembly.js';
import { readConfig } from './config/load.js';
import { ConfigError } from './config/problem.js';

const UPSTREAMS = { 'api-1': 'http://127.0.0.1:8001', 'api-2': 'http://127.0.0.1:8002' };
const PLACEMENT = { ring: { points: 10 } };
const one = (more: object = {}) =>
  readConfig({ upstreams: UPSTREAMS, affinity: ['ip'], placement: PLACEMENT, ...more });
const idsOf = (pool: { snapshot: { upstreams: readonly { id: string }[] } } | undefined) =>
  pool?.snapshot.upstreams.map(({ id }) => id);

describe('a configuration, put together', () => {
  it('gives each route its rules in order, its balance and its pool', () => {
    const { routes, pools } = assemble(
      one({ affinity: ['cookie', { header: 'x-user-id' }, 'ip'], balance: 'roundRobin' }),
    );
    expect(routes[0]!.affinity.rules.map((rule) => `${rule.name} ${rule.subject}`)).toEqual([
      'cookie sr',
      'header x-user-id',
      'ip ',
    ]);
    expect(routes[0]!.affinity.balance.name).toBe('roundRobin');
    expect(routes[0]!.pool).toBe(pools.get('default'));
    expect(pools.get('default')!.snapshot.placement.name).toBe('ring');
  });

  it('knows the trusted proxies', () => {
    const { trusted } = assemble(one({ trustedProxies: ['10.0.0.0/8'] }));
    expect(trusted.has(0x0a000001)).toBe(true);
    expect(trusted.has(0x0b000001)).toBe(false);
  });

  it('says which pool has more upstreams than its placement has room for', () => {
    const config = readConfig({
      upstreams: ['http://a', 'http://b', 'http://c', 'http://d'],
      placement: { maglev: { tableSize: 3 } },
      affinity: [],
    });
    expect(() => assemble(config)).toThrow(ConfigError);
    expect(() => assemble(config)).toThrow(
      /^pool default, placement maglev: A table of 3 entries is too small/,
    );
  });
});

describe('a reload', () => {
  it('keeps the pool and changes nothing in it before commit', () => {
    const before = assemble(one());
    const after = assemble(one({ upstreams: { ...UPSTREAMS, 'api-3': 'http://127.0.0.1:8003' } }), {
      previous: before,
    });
    expect(after.pools.get('default')).toBe(before.pools.get('default'));
    expect(idsOf(before.pools.get('default'))).toEqual(['api-1', 'api-2']);
    after.commit();
    expect(idsOf(before.pools.get('default'))).toEqual(['api-1', 'api-2', 'api-3']);
  });

  it.each([
    ['placement', { placement: { ring: { points: 11 } } }],
    ['health', { health: { path: '/healthz' } }],
    ['passive', { passive: { maxFails: 1 } }],
  ])('keeps the pool and what it knows when its %s differs', (_, more) => {
    const before = assemble(one());
    const pool = before.pools.get('default')!;
    for (let count = 0; count < 3; count++) pool.requestFailed('api-1', 0);
    const after = assemble(one({ ...more, upstreams: { ...UPSTREAMS, 'api-3': 'http://127.0.0.1:8003' } }), {
      previous: before,
    });
    expect(idsOf(pool)).toEqual(['api-1', 'api-2']);
    after.commit();
    expect(after.pools.get('default')).toBe(pool);
    expect(idsOf(pool)).toEqual(['api-1', 'api-2', 'api-3']);
    expect(pool.snapshot.conditions).toEqual(['down', 'up', 'up']);
  });

  it('gives the pool its new placement and thresholds', () => {
    const before = assemble(one());
    const after = assemble(one({ placement: 'maglev', passive: { maxFails: 1 } }), { previous: before });
    after.commit();
    const pool = after.pools.get('default')!;
    expect(pool.snapshot.placement.name).toBe('maglev');
    pool.requestFailed('api-2', 0);
    expect(pool.snapshot.conditions).toEqual(['up', 'down']);
  });

  it('that asks for more upstreams than the placement has room for is refused before anything changes', () => {
    const maglev = { placement: { maglev: { tableSize: 3 } } };
    const before = assemble(one(maglev));
    const four = { 'api-1': 'http://a', 'api-2': 'http://b', 'api-3': 'http://c', 'api-4': 'http://d' };
    expect(() => assemble(one({ ...maglev, upstreams: four }), { previous: before })).toThrow(
      /placement maglev: A table of 3 entries is too small/,
    );
    expect(idsOf(before.pools.get('default'))).toEqual(['api-1', 'api-2']);
    const wider = assemble(one({ placement: { maglev: { tableSize: 5 } }, upstreams: four }), {
      previous: before,
    });
    wider.commit();
    expect(idsOf(wider.pools.get('default'))).toHaveLength(4);
  });

  it('keeps the key that was made while none is configured, and drops it once one is', () => {
    const config = one({ affinity: ['cookie'] });
    const first = assemble(config);
    expect(first.keys).toHaveLength(1);
    expect(first.keys[0]!.length).toBeGreaterThanOrEqual(32);
    expect(assemble(config).keys).not.toEqual(first.keys);
    const second = assemble(config, { previous: first });
    expect(second.keys).toEqual(first.keys);
    const key = 'k'.repeat(32);
    const third = assemble(one({ keys: [key] }), { previous: second });
    expect(third.keys).toEqual([key]);
    expect(assemble(config, { previous: third }).keys).not.toContain(key);
  });

  it('still follows the cookies of before', () => {
    const first = assemble(one({ affinity: ['cookie'] }));
    const rule = first.routes[0]!.affinity.rules[0]!;
    const written = rule.bind!(plainFacts({ nowMs: 1000 }), first.pools.get('default')!.snapshot, 1);
    const second = assemble(one({ affinity: ['cookie'] }), { previous: first });
    const facts = plainFacts({ nowMs: 2000, headers: [['cookie', written.split(';')[0]!]] });
    expect(
      second.routes[0]!.affinity.rules[0]!.find(facts, second.pools.get('default')!.snapshot),
    ).toMatchObject({ kind: 'bound', index: 1 });
  });
});

describe('whether a key is needed', () => {
  it('is asked of the rules', () => {
    expect(sealsBindings(one({ affinity: ['cookie'] }))).toBe(true);
    expect(sealsBindings(one({ affinity: [{ routeCookie: 'app' }, 'ip'] }))).toBe(false);
  });
});
