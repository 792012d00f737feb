import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { draws } from '../support/draws.js';
import { connect, request, type RawResponse } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/*
 * An app is an ordinary one on node:http. Some of its handlers misbehave, and one client asks for nothing but
 * these. Nobody else may notice.
 */
const servers: Server[] = [];
const gateways: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  await Promise.all(
    servers.splice(0).map(async (server) => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    }),
  );
});

const bytes = (text: string) => (_: IncomingMessage, answer: ServerResponse) => {
  answer.socket!.end(text);
};
const HANDLERS: Readonly<Record<string, (asked: IncomingMessage, answer: ServerResponse) => void>> = {
  '/drops': (asked) => void asked.socket.destroy(),
  '/resets': (asked) => void asked.socket.resetAndDestroy(),
  '/hangs': () => {},
  '/large-head': (_, answer) => void answer.writeHead(200, { 'x-a': 'a'.repeat(20_000) }).end(),
  '/many-fields': (_, answer) => {
    for (let at = 0; at < 120; at++) answer.setHeader(`x-${at}`, 'a');
    answer.end();
  },
  '/cut-body': (_, answer) => {
    answer.writeHead(200, { 'content-length': 100 }).write('only this', () => answer.socket!.destroy());
  },
  '/cut-head': bytes('HTTP/1.1 200 OK\r\nContent-Le'),
  '/no-http': bytes('SSH-2.0-OpenSSH_9.6\r\n\r\n'),
  '/bare-lf': bytes('HTTP/1.1 200 OK\nContent-Length: 0\n\n'),
  '/two-lengths': bytes('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'),
  '/bad-chunk': bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
  '/upgrades': bytes('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  '/events': (_, answer) => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  },
};
const BAD = Object.keys(HANDLERS);

async function startApp(id: string): Promise<{ id: string; url: string; server: Server; port: number }> {
  const server = createServer((asked, answer) => {
    const handle = HANDLERS[asked.url!];
    answer.setHeader('x-served-by', id);
    if (handle === undefined) answer.end('well');
    else handle(asked, answer);
  });
  // As in an app that serves no WebSocket at this path.
  server.on('upgrade', (_, socket) => socket.destroy());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { id, url: `http://127.0.0.1:${port}`, server, port };
}

async function setUp(count: number, settings: object = {}) {
  const apps = await Promise.all(Array.from({ length: count }, (_, at) => startApp(`api-${at + 1}`)));
  const gateway = await startTestGateway(Object.fromEntries(apps.map(({ id, url }) => [id, url])), {
    keys: ['a key for tests, of thirty-two characters or more'],
    affinity: [{ cookie: { onFailure: 'rehome', rehomeAfter: '0s' } }],
    // Well above what a busy machine needs for the answers of others.
    limits: { answerTime: '1s', bodyIdleTime: '300ms' },
    passive: { maxFails: 3, failTimeout: '30s' },
    ...settings,
  });
  gateways.push(gateway);
  return { apps, gateway };
}

interface Other {
  readonly cookie: string;
  readonly home: string;
}

/** Others, bound: one at least to each upstream. */
async function others(gateway: TestGateway, count: number): Promise<Other[]> {
  const found: Other[] = [];
  for (let at = 0; at < count * 2; at++) {
    const answer = await request(gateway.port);
    expect(answer.status).toBe(200);
    found.push({
      cookie: answer.header('set-cookie')!.split(';')[0]!,
      home: answer.header('x-served-by')!,
    });
  }
  expect(new Set(found.map(({ home }) => home)).size).toBe(count);
  return found;
}

async function noticedNothing(gateway: TestGateway, all: readonly Other[], after: string): Promise<void> {
  const answers: RawResponse[] = await Promise.all(
    all.map(({ cookie }) => request(gateway.port, { headers: { Cookie: cookie } })),
  );
  expect(
    answers.map((answer) => [answer.status, answer.header('x-served-by'), answer.header('set-cookie')]),
    `after ${after}`,
  ).toEqual(all.map(({ home }) => [200, home, undefined]));
  const fresh = await request(gateway.port);
  expect([after, fresh.status]).toEqual([after, 200]);
}

/** Asks and waits until nothing more comes, whatever that is. */
async function ask(gateway: TestGateway, target: string, method: string, cookie?: string): Promise<void> {
  const client = await connect(gateway.port);
  const before = gateway.log.filter((line) => line['path'] === target).length;
  client.send({
    method,
    target,
    headers: {
      ...(cookie !== undefined && { Cookie: cookie }),
      ...(target === '/socket' && { Connection: 'Upgrade', Upgrade: 'websocket' }),
    },
  });
  await until(
    `the end of ${method} ${target}`,
    () => gateway.log.filter((line) => line['path'] === target).length > before,
  );
  client.destroy();
}

const downs = (gateway: TestGateway) => gateway.log.filter((line) => line['to'] === 'down');

describe.each([1, 3])('with a pool of %i', (count) => {
  it.each([...BAD, '/socket'])(
    'nobody notices that one client asks for %s again and again',
    async (target) => {
      const { gateway } = await setUp(count);
      const all = await others(gateway, count);
      const methods = target === '/socket' || target === '/hangs' ? ['GET'] : ['GET', 'POST'];
      for (const method of methods) {
        await Promise.all([1, 2, 3, 4].map(() => ask(gateway, target, method)));
        await noticedNothing(gateway, all, `${method} ${target}`);
        // Also of one who belongs to an upstream, and asks always that one.
        await Promise.all([1, 2, 3, 4].map(() => ask(gateway, target, method, all[0]!.cookie)));
        await noticedNothing(gateway, all, `${method} ${target}, bound`);
      }
      expect(downs(gateway)).toEqual([]);
    },
  );
});

describe('property: no sequence of requests of one client', () => {
  it.each(Array.from({ length: draws(4) }, (_, index) => index + 1))(
    'changes the upstream or the status of others (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const count = 1 + random.below(3);
      const { gateway } = await setUp(count, {
        passive: { maxFails: 1 + random.below(3), failTimeout: '30s' },
      });
      const all = await others(gateway, count);
      const story: string[] = [];
      for (let round = 0; round < 12; round++) {
        const wave = Array.from({ length: 4 }, () => {
          const target = [...BAD, '/socket', '/'][random.below(BAD.length + 2)]!;
          const method = ['GET', 'POST', 'PUT', 'HEAD'][random.below(4)]!;
          const cookie = random.below(2) === 0 ? all[random.below(all.length)]!.cookie : undefined;
          story.push(`${method} ${target}${cookie === undefined ? '' : ' bound'}`);
          const client = connect(gateway.port).then(async (made) => {
            made.send({
              method,
              target,
              headers: {
                ...(cookie !== undefined && { Cookie: cookie }),
                ...(target === '/socket' && { Connection: 'Upgrade', Upgrade: 'websocket' }),
              },
            });
            return made;
          });
          return client;
        });
        const clients = await Promise.all(wave);
        await noticedNothing(gateway, all, story.slice(-8).join(', '));
        if (round % 3 === 2) {
          await until('all of them to be over', () =>
            clients.every((client) => client.isClosed || client.received.includes('HTTP/1.1 ')),
          );
          await noticedNothing(gateway, all, story.slice(-8).join(', '));
        }
        for (const client of clients) client.destroy();
      }
      expect(downs(gateway), story.join(', ')).toEqual([]);
    },
  );
});

describe('an upstream that really is gone', () => {
  it('is noticed by its refused connections', async () => {
    const { gateway, apps } = await setUp(2);
    const all = await others(gateway, 2);
    const victim = apps[0]!;
    victim.server.closeAllConnections();
    await new Promise((resolve) => victim.server.close(resolve));
    const bound = all.find(({ home }) => home === victim.id)!;
    for (let turn = 0; turn < 3; turn++) {
      const answer = await request(gateway.port, { headers: { Cookie: bound.cookie } });
      expect([answer.status, answer.header('x-served-by')]).toEqual([200, 'api-2']);
    }
    expect(downs(gateway)).toMatchObject([{ upstream: 'api-1', why: 'requestsFailed' }]);
  });

  it('is noticed too when it takes connections and answers nothing, as a process that is stopped does', async () => {
    const { gateway, apps } = await setUp(2);
    const all = await others(gateway, 2);
    const victim = apps[0]!;
    victim.server.removeAllListeners('request');
    const bound = all.find(({ home }) => home === victim.id)!;
    await Promise.all(
      [1, 2, 3].map(() => request(gateway.port, { headers: { Cookie: bound.cookie }, target: '/' })),
    );
    await until('it to be down', () => downs(gateway).length > 0);
    const answer = await request(gateway.port, { headers: { Cookie: bound.cookie } });
    expect([answer.status, answer.header('x-served-by')]).toEqual([200, 'api-2']);
  });
});

describe('when nothing is up', () => {
  it('requests are tried all the same, bound ones where they belong, and the first answer brings an upstream back', async () => {
    const { gateway, apps } = await setUp(2, { passive: { maxFails: 1, failTimeout: '1h' } });
    const all = await others(gateway, 2);
    const ports = apps.map(({ port }) => port);
    for (const { server } of apps) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    expect((await request(gateway.port)).status).toBe(503);
    await until('both to be down', () => downs(gateway).length === 2);
    await Promise.all(
      apps.map(({ server }, at) => new Promise<void>((done) => server.listen(ports[at], '127.0.0.1', done))),
    );
    await noticedNothing(gateway, all, 'an outage');
    expect(gateway.log.filter(({ why }) => why === 'answered')).toMatchObject([{ to: 'up' }, { to: 'up' }]);
  });

  it('also where it is probes that say so', async () => {
    const { gateway } = await setUp(2, { health: { path: '/hangs', every: '100ms', unhealthyAfter: 1 } });
    await until('both to be down', () => downs(gateway).length === 2);
    expect((await request(gateway.port)).status).toBe(200);
  });
});

it('a trial whose answer streams brings its upstream back at the head of the answer', async () => {
  const { gateway, apps } = await setUp(2, {
    passive: { maxFails: 1, failTimeout: '300ms' },
    limits: { answerTime: '1s', bodyIdleTime: '1h' },
  });
  const all = await others(gateway, 2);
  const { server, port, id } = apps[0]!;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const bound = all.find(({ home }) => home === id)!;
  expect((await request(gateway.port, { headers: { Cookie: bound.cookie } })).header('x-served-by')).toBe(
    'api-2',
  );
  await until('it to be tried', () => gateway.log.some(({ to }) => to === 'trial'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stream = await connect(gateway.port);
  stream.send({ target: '/events', headers: { Cookie: bound.cookie } });
  await until('it to be up', () => gateway.log.some(({ why }) => why === 'trialSucceeded'));
  expect(stream.isClosed).toBe(false);
  await noticedNothing(gateway, [bound], 'a trial that streams');
  stream.destroy();
});
