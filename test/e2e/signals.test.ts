import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rendezvous, ring } from '../../src/route/placement/index.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { startUpstreamProcess } from '../support/upstream-process.js';
import { accepts } from '../support/ports.js';
import { until } from '../support/until.js';
import { Crowd, onlyHomes, spread, users, type User } from './crowd.js';
import { startGatewayProcess, type GatewayProcess } from './gateway.js';

const USERS = 100;

let upstreams: FakeUpstream[];
let gateway: GatewayProcess | undefined;
beforeEach(async () => {
  upstreams = await startUpstreams(4);
});
afterEach(async () => {
  await gateway?.process.stop();
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
});

/** The configuration's map of the first `count` upstreams, or of those named. */
function urls(...ids: string[]): Record<string, string> {
  return Object.fromEntries(upstreams.filter(({ id }) => ids.includes(id)).map(({ id, url }) => [id, url]));
}

function keyedUsers(): User[] {
  return users(USERS, (name) => ({ headers: { 'x-user-id': name } }));
}

const THREE = ['api-1', 'api-2', 'api-3'];
const FOUR = [...THREE, 'api-4'];

describe('SIGHUP under load', () => {
  it.each([
    ['rendezvous', 'rendezvous', rendezvous(THREE)],
    ['ring', { ring: { points: 200 } }, ring(THREE, { points: 200 })],
  ] as const)(
    'an upstream is added and removed without a failed request; %s moves exactly the users that the library names',
    async (name, placement, library) => {
      const config = (...ids: string[]): object => ({
        upstreams: urls(...ids),
        affinity: [{ header: 'x-user-id' }],
        placement,
      });
      gateway = await startGatewayProcess(config(...THREE));
      const crowd = new Crowd(gateway.port, keyedUsers()).start();
      const names = keyedUsers().map((user) => user.name);
      const predicted = (placed: typeof library): Record<string, string> =>
        Object.fromEntries(names.map((user) => [user, placed.get(user)!]));
      const seen = async (): Promise<Record<string, string>> => {
        const home = onlyHomes(await crowd.seen(2));
        return Object.fromEntries(names.map((user) => [user, home.get(user)!]));
      };

      const before = await seen();
      expect(before).toEqual(predicted(library));
      await gateway.reload(config(...FOUR));
      const grown = await seen();
      expect(grown).toEqual(predicted(library.add('api-4')));
      const moved = names.filter((user) => grown[user] !== before[user]);
      expect(moved.map((user) => grown[user])).toEqual(moved.map(() => 'api-4'));
      await gateway.reload(config('api-1', 'api-3', 'api-4'));
      const shrunk = await seen();
      expect(shrunk).toEqual(predicted(library.add('api-4').remove('api-2')));
      const bereft = names.filter((user) => shrunk[user] !== grown[user]);
      expect(bereft).toEqual(names.filter((user) => grown[user] === 'api-2'));
      await gateway.reload(config(...THREE));
      expect(await seen()).toEqual(before);

      await crowd.stop();
      console.log(
        `${name}: ${moved.length} of ${USERS} users moved to the new upstream, ${bereft.length} from the removed one; ${crowd.visits.length} requests`,
      );
      expect(crowd.failures).toEqual([]);
      expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
      expect(crowd.sentAway.size).toBe(0);
      expect(upstreams.flatMap(({ faults }) => faults)).toEqual([]);
    },
  );

  it('holders of a cookie stay when an upstream is added, and only those of a removed one are moved', async () => {
    const config = (...ids: string[]): object => ({ upstreams: urls(...ids), affinity: ['cookie'] });
    gateway = await startGatewayProcess(config(...THREE));
    const crowd = new Crowd(gateway.port, users(USERS)).start();
    const before = onlyHomes(await crowd.seen(2));
    expect(Math.min(...THREE.map((id) => spread(before)[id] ?? 0))).toBeGreaterThan(14);
    await gateway.reload(config(...FOUR));
    expect(onlyHomes(await crowd.seen(2))).toEqual(before);
    await gateway.reload(config('api-1', 'api-3', 'api-4'));
    const shrunk = await crowd.seen(3);
    const after = onlyHomes(shrunk);
    for (const [user, home] of before) {
      if (home === 'api-2') expect(after.get(user)).not.toBe('api-2');
      else expect(after.get(user)).toBe(home);
    }
    // Nobody is told twice: one answer says "rehomed" and carries the new cookie, the next are bound.
    const rehomed = crowd.visits.filter(({ affinity }) => affinity === 'rehomed by cookie (gone)');
    expect(rehomed.map(({ user }) => user).sort()).toEqual(
      [...before]
        .filter(([, home]) => home === 'api-2')
        .map(([user]) => user)
        .sort(),
    );
    expect(rehomed.every(({ setsCookie }) => setsCookie)).toBe(true);
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('a request that an upstream is still working on when it is removed gets its answer', async () => {
    const slow = await startUpstreamProcess('slow');
    gateway = await startGatewayProcess({ upstreams: { slow: slow.url } });
    const client = await connect(gateway.port);
    client.send({ target: '/stream?parts=5&ms=100' });
    await until('the beginning of the answer', () => client.received.includes('slow part 1'));
    await gateway.reload({ upstreams: urls('api-1') });
    expect((await request(gateway.port)).header('x-upstream')).toBe('api-1');
    expect((await client.response()).text()).toContain('slow part 5');
    // The same connection goes on under the new configuration.
    expect((await client.request()).header('x-upstream')).toBe('api-1');
    client.destroy();
    await slow.stop();
  });

  it.each([
    ['is not YAML', 'listen: [8080\nupstreams: {', [/stickyroute\.yaml:2:1: is not YAML/]],
    [
      'has wrong values',
      JSON.stringify({ upstreams: { 'api-9': 'ftp://127.0.0.1' }, affinity: ['telepathy'] }),
      [/upstreams\.api-9: has the scheme ftp/, /affinity\[0\]: is not a rule/],
    ],
  ] as const)('a file that %s changes nothing, is reported, and can be mended', async (_, text, told) => {
    const config = { upstreams: urls(...THREE), affinity: [{ header: 'x-user-id' }] };
    gateway = await startGatewayProcess(config);
    const crowd = new Crowd(gateway.port, keyedUsers()).start();
    const before = onlyHomes(await crowd.seen(1));
    await gateway.reload(text, 'nothing changed');
    for (const problem of told) expect(gateway.process.stderr).toMatch(problem);
    expect(gateway.process.stderr, 'no stack').not.toMatch(/^ +at /m);
    expect(onlyHomes(await crowd.seen(2))).toEqual(before);
    await gateway.reload({ ...config, upstreams: urls(...FOUR) });
    expect(new Set(onlyHomes(await crowd.seen(1)).values())).toContain('api-4');
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
  });
});

describe('SIGTERM and SIGINT under load', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: every request that was sent is answered, the port is closed, the exit code is 0',
    async (signal) => {
      for (const upstream of upstreams) upstream.behaviour = { kind: 'answer', delayMs: 20 };
      gateway = await startGatewayProcess({ upstreams: urls(...FOUR), affinity: ['cookie'] });
      const crowd = new Crowd(gateway.port, users(USERS)).start();
      await crowd.seen(2);
      const slow = await connect(gateway.port);
      upstreams.forEach(
        (upstream) =>
          (upstream.behaviour = ({ target }) => ({ kind: 'answer', delayMs: target === '/slow' ? 700 : 20 })),
      );
      slow.send({ target: '/slow' });
      await until('the slow request', () =>
        upstreams.some(({ seen }) => seen.some(({ target }) => target === '/slow')),
      );

      crowd.gatewayGoes();
      gateway.process.kill(signal);
      const answer = await slow.response();
      expect([answer.status, answer.header('connection')]).toEqual([200, 'close']);
      slow.destroy();
      expect(await gateway.process.waitForExit()).toEqual({ code: 0, signal: null });
      await until('everybody to be sent away', () => crowd.sentAway.size === USERS);
      await crowd.stop();
      expect(crowd.failures).toEqual([]);
      expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
      expect(await accepts(gateway.port)).toBe(false);
    },
  );

  it('SIGTERM: requests that had reached the port and not yet the gateway are answered, too', async () => {
    gateway = await startGatewayProcess({ upstreams: urls(...THREE), affinity: ['cookie'] });
    // While it stands still the system goes on making connections for it: the signal and all of them wait
    // together.
    gateway.process.kill('SIGSTOP');
    const clients = await Promise.all(Array.from({ length: 40 }, () => connect(gateway!.port)));
    for (const client of clients) client.send();
    gateway.process.kill('SIGTERM');
    gateway.process.kill('SIGCONT');
    const answers = await Promise.allSettled(clients.map((client) => client.response()));
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.status : 'reset'))).toEqual(
      clients.map(() => 200),
    );
    for (const client of clients) client.destroy();
    expect(await gateway.process.waitForExit()).toEqual({ code: 0, signal: null });
  });

  it('SIGTERM: idle connections are closed in order, and the exit code is 0', async () => {
    gateway = await startGatewayProcess({ upstreams: urls('api-1'), limits: { upstreamIdleConnections: 0 } });
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(gateway!.port)));
    for (const client of clients) expect((await client.request()).status).toBe(200);
    gateway.process.kill('SIGTERM');
    await Promise.all(
      clients.map(async (client) => {
        expect(await client.closed()).toBe('end');
        client.destroy();
      }),
    );
    expect(await gateway.process.waitForExit()).toEqual({ code: 0, signal: null });
  });

  it('a request that outlasts shutdownGrace is cut, and the exit code is still 0', async () => {
    upstreams[0]!.behaviour = { kind: 'silent' };
    gateway = await startGatewayProcess({ upstreams: urls('api-1'), shutdownGrace: '300ms' });
    const client = await connect(gateway.port);
    client.send();
    await upstreams[0]!.request();
    const before = performance.now();
    gateway.process.kill('SIGTERM');
    expect(await gateway.process.waitForExit()).toEqual({ code: 0, signal: null });
    const tookMs = performance.now() - before;
    expect(tookMs).toBeGreaterThan(250);
    expect(tookMs).toBeLessThan(2000);
    await client.closed();
  });
});
