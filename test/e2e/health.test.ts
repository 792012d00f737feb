import { describe, expect, it } from 'vitest';
import { rendezvous } from '../../src/route/placement/index.js';
import { connect, request, type RawResponse } from '../support/raw-client.js';
import { ANSWER, startUpstreams, type FakeUpstream, type SeenRequest } from '../support/upstream.js';
import { until } from '../support/until.js';
import { Crowd, onlyHomes, users } from './crowd.js';
import { startTestGateway } from './gateway.js';

const IDS = ['api-1', 'api-2', 'api-3'];
const placement = rendezvous(IDS);
/** Someone whose upstream is api-2. */
const USER = users(50).find(({ name }) => placement.get(name) === 'api-2')!.name;
const asUser = { headers: { 'x-user-id': USER } };

function urls(upstreams: readonly FakeUpstream[]): Record<string, string> {
  return Object.fromEntries(upstreams.map(({ id, url }) => [id, url]));
}

function told(answer: RawResponse): unknown[] {
  return [answer.status, answer.header('x-affinity')];
}

describe('passive health', () => {
  it('maxFails failures within failTimeout take an upstream down; one trial after failTimeout brings it back', async () => {
    const upstreams = await startUpstreams(3);
    const sick = upstreams[1]!;
    const gateway = await startTestGateway({
      upstreams: urls(upstreams),
      affinity: [{ header: 'x-user-id' }],
      passive: { maxFails: 3, failTimeout: '600ms' },
    });
    expect(told(await request(gateway.port, asUser))).toEqual([200, 'keyed by header']);

    await sick.stop();
    const tries = (): number[] =>
      gateway.log.filter(({ method }) => method === 'GET').map((line) => line['tries'] as number);
    for (let at = 0; at < 3; at++)
      expect(told(await request(gateway.port, asUser))).toEqual([200, 'borrowed by header (down)']);
    // The first was served; the next three tried api-2 and then another; from then on nobody tries it.
    const down = await gateway.condition('api-2', 'down');
    expect(down['why']).toBe('requestsFailed');
    for (let at = 0; at < 3; at++)
      expect(told(await request(gateway.port, asUser))).toEqual([200, 'borrowed by header (down)']);
    expect(tries()).toEqual([1, 2, 2, 2, 1, 1, 1]);

    // It answers again, but slowly: while the one trial is under way, everybody else goes elsewhere.
    sick.behaviour = { kind: 'silent' };
    await sick.listen();
    await gateway.condition('api-2', 'trial');
    const seenBefore = sick.requests;
    const trial = await connect(gateway.port);
    trial.send(asUser);
    await until('the trial', () => sick.requests === seenBefore + 1);
    for (let at = 0; at < 5; at++)
      expect(told(await request(gateway.port, asUser))).toEqual([200, 'borrowed by header (down)']);
    expect(sick.requests).toBe(seenBefore + 1);

    // The trial breaks, and the gateway's own check too: down for another failTimeout. The request itself is
    // answered elsewhere.
    sick.behaviour = { kind: 'drop' };
    sick.dropConnections();
    expect((await trial.response()).status).toBe(200);
    await until('the failed trial', () =>
      gateway.log.some(({ upstream, why }) => upstream === 'api-2' && why === 'trialFailed'),
    );
    sick.behaviour = ANSWER;
    expect(told(await request(gateway.port, asUser))).toEqual([200, 'borrowed by header (down)']);

    await gateway.condition('api-2', 'trial', 2);
    expect(told(await request(gateway.port, asUser))).toEqual([200, 'keyed by header']);
    expect((await gateway.condition('api-2', 'up'))['why']).toBe('trialSucceeded');
    expect(told(await request(gateway.port, asUser))).toEqual([200, 'keyed by header']);
  });

  it('fewer failures, or failures further apart than failTimeout, change nothing', async () => {
    const upstreams = await startUpstreams(3);
    const flaky = upstreams[1]!;
    const gateway = await startTestGateway({
      upstreams: urls(upstreams),
      affinity: [{ header: 'x-user-id' }],
      passive: { maxFails: 3, failTimeout: '200ms' },
    });
    for (let round = 0; round < 3; round++) {
      flaky.behaviour = { kind: 'drop' };
      for (let at = 0; at < 2; at++)
        expect(told(await request(gateway.port, asUser))).toEqual([200, 'borrowed by header (down)']);
      flaky.behaviour = ANSWER;
      const failedAt = performance.now();
      await until('failTimeout', () => performance.now() > failedAt + 250);
      expect(told(await request(gateway.port, asUser))).toEqual([200, 'keyed by header']);
    }
    expect(gateway.log.filter(({ to }) => to === 'down')).toEqual([]);
  });

  it('an upstream that takes requests and breaks is never asked twice for what may not be repeated, and goes down', async () => {
    const upstreams = await startUpstreams(3);
    const gateway = await startTestGateway({
      upstreams: urls(upstreams),
      affinity: [{ header: 'x-user-id' }],
      passive: { maxFails: 2, failTimeout: '1h' },
    });
    upstreams[1]!.behaviour = { kind: 'drop' };
    for (let at = 0; at < 2; at++)
      expect((await request(gateway.port, { ...asUser, method: 'POST', body: 'pay' })).status).toBe(502);
    expect(upstreams.map(({ requests }) => requests)).toEqual([0, 2, 0]);
    await gateway.condition('api-2', 'down');
    expect((await request(gateway.port, { ...asUser, method: 'POST', body: 'pay' })).status).toBe(200);
  });
});

describe('active health', () => {
  it('unhealthyAfter probes that fail take an upstream down without a request lost, healthyAfter that succeed bring it back', async () => {
    const upstreams = await startUpstreams(3);
    const probed = upstreams[1]!;
    let healthz = 200;
    let probes = 0;
    const isProbe = ({ target }: SeenRequest): boolean => target === '/healthz';
    probed.behaviour = (asked) => {
      if (!isProbe(asked)) return ANSWER;
      probes++;
      return { kind: 'answer', status: healthz };
    };
    const gateway = await startTestGateway({
      upstreams: urls(upstreams),
      affinity: [{ header: 'x-user-id' }],
      health: { path: '/healthz', every: '100ms', healthyAfter: 2, unhealthyAfter: 3 },
    });
    const crowd = new Crowd(
      gateway.port,
      users(30, (name) => ({ headers: { 'x-user-id': name } })),
    ).start();
    const home = onlyHomes(await crowd.seen(2));
    expect([...home.values()]).toContain('api-2');

    const probesBefore = probes;
    healthz = 503;
    expect((await gateway.condition('api-2', 'down'))['why']).toBe('probesFailed');
    expect(probes - probesBefore).toBeGreaterThanOrEqual(3);
    expect(probes - probesBefore).toBeLessThanOrEqual(4);
    const meanwhile = await crowd.seen(3);
    expect(meanwhile.filter(({ upstream }) => upstream === 'api-2')).toEqual([]);
    expect(
      meanwhile.filter(({ user, upstream }) => home.get(user) !== 'api-2' && upstream !== home.get(user)),
    ).toEqual([]);

    const sickProbes = probes;
    healthz = 302;
    expect((await gateway.condition('api-2', 'up'))['why']).toBe('probesSucceeded');
    expect(probes - sickProbes).toBeGreaterThanOrEqual(2);
    expect(onlyHomes(await crowd.seen(2))).toEqual(home);
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('one that no longer answers its probes in time is as good as down', async () => {
    const upstreams = await startUpstreams(2);
    const gateway = await startTestGateway({
      upstreams: urls(upstreams),
      affinity: ['cookie'],
      health: { path: '/healthz', every: '100ms', timeout: '50ms', unhealthyAfter: 2 },
    });
    expect((await request(gateway.port)).status).toBe(200);
    upstreams[0]!.behaviour = { kind: 'silent' };
    await gateway.condition('api-1', 'down');
    for (let at = 0; at < 5; at++) expect((await request(gateway.port)).header('x-upstream')).toBe('api-2');
    upstreams[0]!.behaviour = ANSWER;
    await gateway.condition('api-1', 'up');
  });
});

describe('a draining upstream', () => {
  it('keeps those who are bound to it and takes nobody new', async () => {
    const upstreams = await startUpstreams(3);
    const config = (isDraining: boolean): object => ({
      upstreams: Object.fromEntries(
        upstreams.map(({ id, url }) => [id, { url, draining: isDraining && id === 'api-2' }]),
      ),
      affinity: ['cookie', { header: 'x-user-id' }],
    });
    const gateway = await startTestGateway(config(false));
    const settled = new Crowd(gateway.port, users(40)).start();
    const home = onlyHomes(await settled.seen(2));
    expect([...home.values()]).toContain('api-2');

    await gateway.reload(config(true));
    const fresh = new Crowd(gateway.port, users(40)).start();
    expect([...onlyHomes(await fresh.seen(2)).values()]).not.toContain('api-2');
    expect(onlyHomes(await settled.seen(2))).toEqual(home);
    const keyed = await request(gateway.port, asUser);
    expect([...told(keyed), keyed.header('x-upstream')]).toEqual([
      200,
      'borrowed by header (draining)',
      placement.candidates(USER)[1],
    ]);

    await gateway.reload(config(false));
    expect(told(await request(gateway.port, asUser))).toEqual([200, 'keyed by header']);
    await Promise.all([settled.stop(), fresh.stop()]);
    expect([...settled.failures, ...fresh.failures]).toEqual([]);
  });
});
