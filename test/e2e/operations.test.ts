import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig, startGateway, type Operations, type RunningGateway } from '../../src/control/index.js';
import { request } from '../support/raw-client.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { KEY } from './gateway.js';

/*
 * What an operator says while the gateway runs, in one process. With workers: test/workers/operations.test.ts
 */

let upstreams: FakeUpstream[];
const running: RunningGateway[] = [];

beforeAll(async () => {
  upstreams = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })));
});

afterAll(async () => {
  await Promise.all(running.map((gateway) => gateway.close()));
});

const settings = (more: object = {}): object => ({
  listen: '127.0.0.1:0',
  keys: [KEY],
  expose: true,
  shutdownGrace: '0s',
  affinity: ['cookie', { header: 'x-user-id' }],
  upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
  ...more,
});

async function gateway(more: object = {}): Promise<RunningGateway> {
  const started = await startGateway(readConfig(settings(more)));
  running.push(started);
  return started;
}

/** Where 60 users without a cookie are sent, and how often. */
async function homes({ port }: RunningGateway): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let user = 0; user < 60; user++) {
    const answer = await request(port, { headers: { 'x-user-id': `user-${user}` } });
    const home = answer.header('x-upstream') ?? `status ${answer.status}`;
    counts.set(home, (counts.get(home) ?? 0) + 1);
  }
  return counts;
}

/** A user bound to this upstream, as a Cookie field. */
async function boundTo({ port }: RunningGateway, id: string): Promise<string> {
  for (let user = 0; ; user++) {
    const answer = await request(port, { headers: { 'x-user-id': `user-${user}` } });
    if (answer.header('x-upstream') === id) return answer.header('set-cookie')!.split(';')[0]!;
  }
}

const upstreamOf = async (operations: Operations, id: string) =>
  (await operations.status()).pools[0]!.upstreams.find((upstream) => upstream.id === id)!;

describe('an operator', () => {
  it('drains an upstream: no new users, bound ones still come; a reload changes nothing about that', async () => {
    const gate = await gateway();
    const cookie = await boundTo(gate, 'api-2');
    await gate.operations.drain('default', 'api-2');
    for (const step of ['before a reload', 'after it']) {
      const seen = await homes(gate);
      expect([...seen.keys()].sort(), step).toEqual(['api-1', 'api-3']);
      expect((await request(gate.port, { headers: { cookie } })).header('x-upstream'), step).toBe('api-2');
      expect(await upstreamOf(gate.operations, 'api-2'), step).toMatchObject({
        standing: 'leaving',
        condition: 'up',
        said: { standing: 'leaving' },
      });
      await gate.operations.reload(readConfig(settings({ placement: 'ring', expose: true })));
    }
    await gate.operations.enable('default', 'api-2');
    expect([...(await homes(gate)).keys()].sort()).toEqual(['api-1', 'api-2', 'api-3']);
    expect(await upstreamOf(gate.operations, 'api-2')).not.toHaveProperty('said');
  });

  it('takes an upstream out: bound users are rehomed, and x-affinity says why', async () => {
    const gate = await gateway();
    const cookie = await boundTo(gate, 'api-1');
    await gate.operations.disable('default', 'api-1');
    const answer = await request(gate.port, { headers: { cookie } });
    expect(answer.header('x-affinity')).toBe('rehomed by cookie (out)');
    expect(answer.header('x-upstream')).not.toBe('api-1');
    await gate.operations.enable('default', 'api-1');
    expect((await request(gate.port, { headers: { cookie } })).header('x-upstream')).toBe('api-1');
  });

  it('gives an upstream another weight, which a reload keeps and the same weight in the file ends', async () => {
    const gate = await gateway();
    const before = (await homes(gate)).get('api-3')!;
    await gate.operations.weight('default', 'api-3', 20);
    expect((await homes(gate)).get('api-3')!).toBeGreaterThan(before * 2);
    const heavier = Object.fromEntries(
      upstreams.map(({ id, url }) => [id, { url, weight: id === 'api-3' ? 20 : 1 }]),
    );
    await gate.operations.reload(readConfig(settings()));
    expect(await upstreamOf(gate.operations, 'api-3')).toMatchObject({ weight: 20, said: { weight: 20 } });
    await gate.operations.reload(readConfig(settings({ upstreams: heavier })));
    expect(await upstreamOf(gate.operations, 'api-3')).not.toHaveProperty('said');
    await gate.operations.reload(readConfig(settings()));
    expect(await upstreamOf(gate.operations, 'api-3')).toMatchObject({ weight: 1 });
  });

  it('overrides draining in the file; the word ends with its upstream', async () => {
    const [first, ...others] = upstreams;
    const draining = (url: string) => ({
      upstreams: {
        [first!.id]: { url, draining: true },
        ...Object.fromEntries(others.map(({ id, url: at }) => [id, at])),
      },
    });
    const gate = await gateway(draining(first!.url));
    expect(await upstreamOf(gate.operations, 'api-1')).toMatchObject({ standing: 'leaving' });
    await gate.operations.enable('default', 'api-1');
    await gate.operations.reload(readConfig(settings(draining(first!.url))));
    expect(await upstreamOf(gate.operations, 'api-1')).toMatchObject({
      standing: 'in',
      said: { standing: 'in' },
    });
    // Another instance under the same id begins as its file says.
    await gate.operations.reload(readConfig(settings(draining('http://127.0.0.1:9'))));
    expect(await upstreamOf(gate.operations, 'api-1')).toMatchObject({ standing: 'leaving' });
    await gate.operations.reload(readConfig(settings(draining(first!.url))));
    expect(await upstreamOf(gate.operations, 'api-1')).toMatchObject({ standing: 'leaving' });
  });

  it('learns what there is when a pool, an upstream or a weight is none, and nothing changes', async () => {
    const gate = await gateway({ placement: 'nginxIpHash', affinity: ['ip'] });
    const before = await gate.operations.status();
    const { operations } = gate;
    for (const [verb, told] of [
      [() => operations.drain('api', 'api-1'), 'There is no pool "api". The pools are: default.'],
      [
        () => operations.drain('default', 'api-9'),
        'Pool "default" has no upstream "api-9". It has: api-1, api-2, api-3.',
      ],
      [
        () => operations.weight('default', 'api-1', 0),
        'The weight of upstream "api-1" must be above 0, not 0.',
      ],
      [() => operations.weight('default', 'api-1', NaN), 'must be above 0'],
      [() => operations.reload(), 'There is no file to read again'],
    ] as const)
      await expect(verb()).rejects.toMatchObject({
        code: 'STICKY_OPERATION_REFUSED',
        message: expect.stringContaining(told),
      });
    // A weight that the placement can't have.
    await expect(operations.weight('default', 'api-1', 1.5)).rejects.toThrow(/whole number/);
    expect(await operations.status()).toEqual(before);
    await operations.reload(readConfig(settings({ placement: 'nginxIpHash', affinity: ['ip'] })));
    expect(await operations.status()).toEqual(before);
  });

  it('asks where a request would go now', async () => {
    const gate = await gateway({ affinity: [{ header: 'x-user-id' }] });
    const ask = () => gate.operations.explain({ url: '/', headers: [['x-user-id', 'ann']] });
    const { upstream } = await ask();
    const asked = await request(gate.port, { headers: { 'x-user-id': 'ann' } });
    expect(asked.header('x-upstream')).toBe(upstream!.id);
    await gate.operations.drain('default', upstream!.id);
    const after = await ask();
    expect(after).toMatchObject({ outcome: 'borrowed', why: 'draining' });
    expect((await request(gate.port, { headers: { 'x-user-id': 'ann' } })).header('x-upstream')).toBe(
      after.upstream!.id,
    );
  });

  it('reads the file again without naming it, one reload after the other', async () => {
    let reads = 0;
    const gate = await startGateway(readConfig(settings()), {
      file: { name: 'here.yaml', read: () => readConfig(settings({ expose: ++reads % 2 === 0 })) },
    });
    running.push(gate);
    await Promise.all([
      gate.operations.reload(),
      gate.operations.drain('default', 'api-1'),
      gate.operations.reload(),
    ]);
    expect(reads).toBe(2);
    expect((await request(gate.port)).header('x-upstream')).toMatch(/^api-[23]$/);
  });

  it('is told which settings wait for the next start, with both values', async () => {
    const gate = await gateway();
    const other = readConfig(settings({ listen: '127.0.0.1:1', http2: false, workers: 4 }));
    expect(await gate.operations.reload(other)).toEqual({
      needsRestart: [
        { setting: 'listen', now: '127.0.0.1:0', wanted: '127.0.0.1:1' },
        { setting: 'http2', now: 'true', wanted: 'false' },
        { setting: 'workers', now: '1', wanted: '4' },
      ],
    });
    expect(await gate.operations.reload(other), 'as long as they differ').toMatchObject({
      needsRestart: [{ setting: 'listen' }, { setting: 'http2' }, { setting: 'workers' }],
    });
    expect(await gate.operations.reload(readConfig(settings()))).toEqual({ needsRestart: [] });
  });
});
