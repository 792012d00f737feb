import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { readConfig } from '../../src/control/config/load.js';
import { exportText, targets } from '../../src/interop/export.js';
import { Report } from '../../src/interop/report.js';
import { parseVersion } from '../../src/interop/version.js';
import { mixedVisits, onlyHomes, printedSeed, spread, users } from '../e2e/crowd.js';
import { freePort } from '../support/ports.js';
import { skipUnless } from '../support/programs.js';
import { request } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { until, within } from '../support/until.js';
import { startBalancer } from './balancers.js';

const KEY = 'a key for tests, of thirty-two characters or more';
const PROBES = {
  health: { path: '/', every: '200ms', timeout: '200ms', healthyAfter: 1, unhealthyAfter: 2 },
};
const TARGETS = [
  ['nginx', undefined],
  ['haproxy', undefined],
  ['caddy', '2.6.2'],
] as const;

async function exported(
  target: 'nginx' | 'haproxy' | 'caddy',
  version: string | undefined,
  config: object,
): Promise<number> {
  const port = await freePort();
  const text = exportText(
    targets.find(({ name }) => name === target)!,
    readConfig({ listen: `127.0.0.1:${port}`, ...config }),
    'test',
    version === undefined ? undefined : parseVersion(version),
    new Report(),
  );
  const balancer = await startBalancer(target, text, port);
  onTestFinished(async () => void (await balancer.stop()));
  return port;
}

skipUnless(
  'nginx',
  'haproxy',
  'caddy',
)('what an exported file does with bindings, fields and upgrades', () => {
  it.each(TARGETS)(
    '%s binds by a cookie, keeps everybody in place, and moves only those whose upstream is gone',
    async (target, version) => {
      const upstreams = await startUpstreams(3);
      const port = await exported(target, version, {
        upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
        affinity: ['cookie'],
        balance: 'roundRobin',
        keys: [KEY],
        ...PROBES,
      });
      const everybody = users(60);
      const before = onlyHomes(
        (await mixedVisits(port, everybody, 5, printedSeed())).map((one) => ({
          ...one,
          upstream: one.servedBy,
        })),
      );
      expect(Object.keys(spread(before)).sort()).toEqual(['api-1', 'api-2', 'api-3']);
      expect(everybody.every(({ cookies }) => cookies.size === 1)).toBe(true);
      for (const { cookies } of everybody)
        for (const value of cookies.values()) expect(value).not.toContain('127.0.0.1');

      await upstreams[1]!.stop();
      // nginx and HAProxy try the next one at once; Caddy once its probe has failed.
      await until(
        'no answer to fail',
        async () =>
          (await mixedVisits(port, everybody, 1, printedSeed())).every(({ status }) => status === 200) ||
          undefined,
        10_000,
      );
      const after = onlyHomes(
        (await mixedVisits(port, everybody, 5, printedSeed())).map((one) => ({
          ...one,
          upstream: one.servedBy,
        })),
      );
      const moved = [...before].filter(([user, home]) => after.get(user) !== home);
      expect(new Set(moved.map(([, home]) => home))).toEqual(new Set(['api-2']));
      expect([...after.values()]).not.toContain('api-2');
    },
  );

  it.each([
    ['nginx', undefined],
    ['haproxy', undefined],
  ] as const)("%s follows the app's own cookie to the upstream that it names", async (target, version) => {
    const upstreams = await startUpstreams(3);
    const port = await exported(target, version, {
      upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
      affinity: [{ routeCookie: 'my-backend' }],
      ...PROBES,
    });
    for (const id of ['api-1', 'api-2', 'api-3', 'api-1', 'api-3']) {
      const answer = await request(port, { headers: { Cookie: `a=1; my-backend=${id}; b=2` } });
      expect(answer.json()).toMatchObject({ id });
      expect(answer.headers('set-cookie')).toEqual([]);
    }
    expect((await request(port, { headers: { Cookie: 'my-backend=api-9' } })).status).toBe(200);
  });

  it.each(TARGETS)(
    '%s replaces what a client claims of its origin, and keeps the host',
    async (target, version) => {
      const [upstream] = await startUpstreams(1);
      const port = await exported(target, version, {
        upstreams: { 'api-1': upstream!.url },
        affinity: [],
        ...(target === 'haproxy' && PROBES),
      });
      await request(port, {
        headers: {
          Host: 'shop.example:8080',
          'X-Forwarded-For': '1.2.3.4',
          'X-Real-IP': '1.2.3.4',
          'X-Forwarded-Host': 'evil.example',
          'X-Forwarded-Proto': 'https',
          'X-User': 'a',
        },
      });
      const seen = upstream!.seen.findLast((each) => each.header('x-user') === 'a')!;
      expect(
        ['x-forwarded-for', 'x-real-ip', 'x-forwarded-host', 'x-forwarded-proto', 'host'].map((name) =>
          seen.headers(name),
        ),
      ).toEqual([['127.0.0.1'], ['127.0.0.1'], ['shop.example:8080'], ['http'], ['shop.example:8080']]);
    },
  );

  it.each([
    ['nginx', undefined],
    ['haproxy', undefined],
  ] as const)('%s believes a trusted proxy', async (target, version) => {
    const [upstream] = await startUpstreams(1);
    const port = await exported(target, version, {
      upstreams: { 'api-1': upstream!.url },
      affinity: [],
      trustedProxies: ['127.0.0.1'],
      ...(target === 'haproxy' && PROBES),
    });
    await request(port, {
      headers: {
        Host: 'shop.example',
        'X-Forwarded-For': '203.0.113.9',
        'X-Forwarded-Proto': 'https',
        'X-User': 'a',
      },
    });
    const seen = upstream!.seen.findLast((each) => each.header('x-user') === 'a')!;
    expect(['x-forwarded-for', 'x-real-ip', 'x-forwarded-proto'].map((name) => seen.headers(name))).toEqual([
      ['203.0.113.9, 127.0.0.1'],
      ['203.0.113.9'],
      ['https'],
    ]);
  });

  it.each(TARGETS)('%s passes WebSocket', async (target, version) => {
    const server = createServer((_, response) => response.end());
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) =>
      socket.on('message', (data) => socket.send(`back: ${String(data)}`)),
    );
    const wsPort = await freePort();
    await new Promise<void>((resolve) => server.listen(wsPort, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
    });
    const port = await exported(target, version, {
      upstreams: { 'api-1': `http://127.0.0.1:${wsPort}` },
      affinity: [],
    });
    const client = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    onTestFinished(() => client.terminate());
    await within('the handshake', new Promise((resolve) => client.once('open', resolve)));
    const answer = within('an answer', new Promise((resolve) => client.once('message', resolve)));
    client.send('hello');
    expect(String(await answer)).toBe('back: hello');
  });
});
