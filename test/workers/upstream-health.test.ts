import { describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { startUpstream, startUpstreams } from '../support/upstream.js';
import { startUpstreamProcess } from '../support/upstream-process.js';
import { until } from '../support/until.js';
import { startFleet, throughBoth, type Fleet } from './fleet.js';

const changes = (fleet: Fleet, upstream: string) =>
  fleet
    .log()
    .filter(
      (line) => line['upstream'] === upstream && line['to'] !== undefined && line['from'] !== line['to'],
    );

/** Someone whose key belongs to this upstream. */
async function someoneOf(fleet: Fleet, upstream: string): Promise<Record<string, string>> {
  for (let at = 0; at < 100; at++) {
    const headers = { 'x-user-id': `user-${at}` };
    if ((await request(fleet.port, { headers })).header('x-upstream') === upstream) return headers;
  }
  throw new Error(`Nobody belongs to ${upstream}.`);
}

describe('what the workers know of upstreams', () => {
  it.each([
    ['requests', {}],
    ['probes', { health: { path: '/healthz', every: '100ms', unhealthyAfter: 2 }, passive: { maxFails: 0 } }],
  ])(
    'kill -9 of an upstream, seen by %s: both workers stop using it, and use it again when it is back',
    async (by, settings) => {
      const victim = await startUpstreamProcess('api-1');
      const other = await startUpstreamProcess('api-2');
      const fleet = await startFleet({
        upstreams: { 'api-1': victim.url, 'api-2': other.url },
        affinity: [{ header: 'x-user-id' }],
        passive: { maxFails: 2, failTimeout: '300ms' },
        ...settings,
      });
      const headers = await someoneOf(fleet, 'api-1');
      expect(
        (await throughBoth(fleet, '/before', { headers })).every(
          ({ upstream, tries }) => upstream === 'api-1' && tries === 1,
        ),
      ).toBe(true);
      victim.kill('SIGKILL');
      await victim.waitForExit();
      if (by === 'requests')
        await Promise.all(Array.from({ length: 4 }, () => request(fleet.port, { headers })));
      const { msg } = await fleet.logged(
        'that it is down',
        ({ upstream, to }) => upstream === 'api-1' && to === 'down',
      );
      expect(msg).toBe('upstream api-1 of pool default is down');
      // Trials may meet the dead upstream now and then; nothing else may.
      const meanwhile = await throughBoth(fleet, '/load-balancer-test', { headers }, 48);
      expect(meanwhile.filter(({ upstream, status }) => upstream !== 'api-2' || status !== 200)).toEqual([]);
      expect(meanwhile.filter(({ tries }) => tries > 1).length).toBeLessThanOrEqual(
        changes(fleet, 'api-1').filter(({ to }) => to === 'trial').length,
      );
      const again = await startUpstreamProcess('api-1', victim.port);
      await until('it to be up', async () => {
        await request(fleet.port, { headers });
        return changes(fleet, 'api-1').at(-1)?.['to'] === 'up';
      });
      // The word travels to the workers after it is logged.
      await until('both workers to use it', async () =>
        (await throughBoth(fleet, '/after', { headers }, 16)).every(({ upstream }) => upstream === 'api-1'),
      );
      await Promise.all([again.stop(), other.stop()]);
    },
  );

  it('an upstream that was down is tried by one request of the whole fleet at a time', async () => {
    const sick = await startUpstream({ id: 'api-1', behaviour: { kind: 'drop' } });
    const [well] = await startUpstreams(1);
    const failTimeoutMs = 1500;
    const fleet = await startFleet({
      upstreams: { 'api-1': `http://127.0.0.1:${sick.port}`, 'api-2': `http://127.0.0.1:${well!.port}` },
      affinity: [{ header: 'x-user-id' }],
      passive: { maxFails: 1, failTimeout: `${failTimeoutMs}ms` },
    });
    let count = 0;
    const anybody = () =>
      request(fleet.port, { target: '/load', headers: { 'x-user-id': `user-${count++}` } });
    await until('api-1 to be down', async () => {
      await anybody();
      return changes(fleet, 'api-1').length > 0;
    });
    expect(changes(fleet, 'api-1').map(({ to }) => to)).toEqual(['down']);

    // Enough connections that both workers have some; all ask at the moment when a trial may be made.
    const clients = await Promise.all(Array.from({ length: 24 }, () => connect(fleet.port)));
    await Promise.all(clients.map((client) => client.request()));
    sick.behaviour = { kind: 'silent' };
    const before = sick.seen.length;
    await fleet.logged(
      'that a trial may be made',
      ({ upstream, to }) => upstream === 'api-1' && to === 'trial',
    );
    await until('a trial', async () => {
      // The one that makes it is not answered.
      for (const client of clients)
        client.request({ headers: { 'x-user-id': `user-${count++}` } }).catch(() => undefined);
      return sick.seen.length > before;
    });
    const triedAt = performance.now();
    const from = fleet.log().length;
    await until('both workers to have had half a hundred', async () => {
      await Promise.all(Array.from({ length: 8 }, anybody));
      const answers = fleet
        .log()
        .slice(from)
        .map(({ worker }) => worker)
        .filter((worker) => worker !== undefined);
      return fleet.workers().every((pid) => answers.filter((worker) => worker === pid).length > 50);
    });
    expect(sick.seen.length - before, 'trials under way').toBe(1);
    expect(performance.now() - triedAt, 'all within the time that a trial has').toBeLessThan(failTimeoutMs);

    // It goes unanswered for too long: another may try, and finds the upstream well.
    sick.behaviour = { kind: 'answer' };
    await until('it to be up', async () => {
      await anybody();
      return changes(fleet, 'api-1').at(-1)?.['to'] === 'up';
    });
    expect(changes(fleet, 'api-1').map(({ why }) => why)).toEqual([
      'requestsFailed',
      'timeoutPassed',
      'trialBegun',
      'trialAbandoned',
      'trialBegun',
      'trialSucceeded',
    ]);
  });

  it('no client takes an upstream away from others by what it asks for, and one that is stopped goes down', async () => {
    const bad = { kind: 'drop' } as const;
    const upstreams = await startUpstreams(2);
    for (const upstream of upstreams)
      upstream.behaviour = ({ target }) => (target === '/bad' ? bad : { kind: 'answer' });
    const fleet = await startFleet({
      upstreams: Object.fromEntries(upstreams.map(({ id, port }) => [id, `http://127.0.0.1:${port}`])),
      affinity: [{ header: 'x-user-id' }],
      passive: { maxFails: 2, failTimeout: '1h' },
    });
    const headers = await someoneOf(fleet, 'api-1');
    for (const method of ['GET', 'POST'])
      for (let turn = 0; turn < 4; turn++)
        await throughBoth(fleet, '/bad', { headers, method, body: 'a' }, 4);
    const meanwhile = await throughBoth(fleet, '/good', { headers }, 16);
    expect(meanwhile.filter(({ upstream, status }) => upstream !== 'api-1' || status !== 200)).toEqual([]);
    expect(changes(fleet, 'api-1')).toEqual([]);

    // It still takes connections.
    upstreams[0]!.behaviour = bad;
    await throughBoth(fleet, '/well', { headers }, 4);
    await fleet.logged('that it is down', ({ upstream, to }) => upstream === 'api-1' && to === 'down');
    await until('both workers to know', async () =>
      (await throughBoth(fleet, '/after', { headers }, 8)).every(({ upstream }) => upstream === 'api-2'),
    );
  });

  it('when nothing is up, requests are tried all the same, and the first answer is told to all', async () => {
    const [only] = await startUpstreams(1);
    const fleet = await startFleet({
      upstreams: { 'api-1': `http://127.0.0.1:${only!.port}` },
      affinity: [{ header: 'x-user-id' }],
      passive: { maxFails: 1, failTimeout: '1h' },
    });
    await only!.stop();
    expect((await request(fleet.port)).status).toBe(503);
    await fleet.logged('that it is down', ({ upstream, to }) => upstream === 'api-1' && to === 'down');
    await only!.listen();
    const answers = await throughBoth(fleet, '/again', {}, 8);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    await fleet.logged('that it is up', ({ upstream, why }) => upstream === 'api-1' && why === 'answered');
  });
});
