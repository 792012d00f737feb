import { createServer, type Http2Server } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../src/control/index.js';
import { probe } from '../../src/control/probes.js';
import type { Verdict } from '../../src/control/upstream-question.js';
import { systemClock } from '../../src/base/clock.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { freePort } from '../support/ports.js';
import { request } from '../support/raw-client.js';
import { ANSWER, startUpstream, startUpstreams, type Behaviour } from '../support/upstream.js';
import { until } from '../support/until.js';
import { settingsOf, startTestGateway } from './gateway.js';

const TLS = { ca: undefined, insecure: false };
const WELL: Verdict = { kind: 'well' };
const failed = (cause: string): Verdict => ({ kind: 'failed', cause });

/** One question by what `health:` says, to an upstream. */
function asks(url: string, health: object, isHttp2 = false): Promise<Verdict> {
  const { pools } = readConfig(
    settingsOf({ app: url }, { health: { timeout: '10s', every: '10s', ...health }, upstreamHttp2: isHttp2 }),
  );
  const { upstreams, health: read } = pools[0]!;
  return probe(upstreams[0]!, { health: read!, tls: TLS, isHttp2 }, systemClock);
}

async function listening<T extends Server | Http2Server>(server: T): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

it('a probe has the method, Host, fields and port that it was given', async () => {
  const [app, other] = [await startUpstream(), await startUpstream()];
  const health = { path: '/up?deep=1', method: 'POST', host: 'app.example.org', headers: { 'X-Probe': 7 } };
  expect(await asks(app.url, { ...health, port: other.port })).toEqual(WELL);
  expect(app.requests).toBe(0);
  const [seen] = other.seen;
  expect([seen!.method, seen!.target]).toEqual(['POST', '/up?deep=1']);
  expect([seen!.headers('host'), seen!.header('x-probe'), seen!.header('user-agent')]).toEqual([
    ['app.example.org'],
    '7',
    'stickyroute-health',
  ]);
  expect(await asks(app.url, { path: '/' })).toEqual(WELL);
  expect(app.seen[0]!.headers('host')).toEqual([`127.0.0.1:${app.port}`]);
});

it.each([
  [undefined, 302, true],
  [undefined, 400, false],
  [200, 200, true],
  [200, 204, false],
  [[200, 204], 204, true],
  ['2xx', 299, true],
  ['2xx', 301, false],
  ['200-401', 401, true],
  [['2xx', 503], 503, true],
  [['2xx', 503], 502, false],
])('status %j: %i is well: %s', async (status, answered, isWell) => {
  const app = await startUpstream({ behaviour: { kind: 'answer', status: answered } });
  expect(await asks(app.url, { path: '/', ...(status !== undefined && { status }) })).toEqual(
    isWell ? WELL : failed(`status ${answered}`),
  );
});

const LARGE = 'x'.repeat(100_000);

it.each<[object, Behaviour, Verdict]>([
  [{ body: { contains: 'ok' } }, { kind: 'answer', body: 'all is ok' }, WELL],
  [
    { body: { contains: 'ok' } },
    { kind: 'answer', body: 'down', isChunked: true },
    failed('body without "ok"'),
  ],
  [{ body: { contains: 'ok' } }, { kind: 'answer', body: 'ok', status: 500 }, failed('status 500')],
  [{ body: { contains: 'ok' } }, { kind: 'answer', body: `ok${LARGE}` }, WELL],
  [{ body: { contains: 'ok' } }, { kind: 'answer', body: `${LARGE}ok` }, failed('body without "ok"')],
  [{ body: { contains: 'grün' } }, { kind: 'answer', body: 'alles grün' }, WELL],
  [{ json: { status: 'up' } }, { kind: 'answer', body: '{"status":"up"}' }, WELL],
  [{ json: { status: 'up' } }, { kind: 'answer', body: '{"status":"down"}' }, failed('status is not "up"')],
  [{ json: { 'db.ok': true, n: 1 } }, { kind: 'answer', body: '{"db":{"ok":true},"n":1}' }, WELL],
  [{ json: { 'db.ok': true } }, { kind: 'answer', body: '{"db":null}' }, failed('db.ok is not true')],
  [{ json: { toString: 'x' } }, { kind: 'answer', body: '{}' }, failed('toString is not "x"')],
  [{ json: { status: 'up' } }, { kind: 'answer', body: '<html>' }, failed('body is no JSON')],
  [{ json: { status: 'up' } }, { kind: 'answer', body: `"${LARGE}"` }, failed('body too large')],
  [
    { json: { status: 'up' } },
    { kind: 'cut', framing: 'length', sent: '{"status":"up"}' },
    failed('ECONNRESET'),
  ],
])('%j: case %#', async (wanted, behaviour, verdict) => {
  const app = await startUpstream({ behaviour });
  expect(await asks(app.url, { path: '/', ...wanted })).toEqual(verdict);
});

it('an answer whose body never ends is judged by what came of it, or by the time', async () => {
  const clock = createManualClock();
  const app = await startUpstream({ behaviour: { kind: 'bytes', bytes: 'HTTP/1.1 200 OK\r\n\r\n{' } });
  const health = {
    path: '/',
    grpc: undefined,
    everyMs: 1000,
    timeoutMs: 500,
    healthyAfter: 1,
    unhealthyAfter: 1,
  };
  const upstream = { id: 'app', url: app.url, weight: 1, draining: false };
  const verdict = probe(
    upstream,
    { health: { ...health, json: { ok: true } }, tls: TLS, isHttp2: false },
    clock,
  );
  await until('the question', () => app.requests === 1);
  clock.advance(500);
  expect(await verdict).toEqual(failed('timeout'));
});

it('HTTP/2 is asked and judged alike', async () => {
  const server = createServer();
  const seen: unknown[] = [];
  server.on('stream', (stream, fields) => {
    seen.push([fields[':method'], fields[':path'], fields[':authority'], fields['x-probe']]);
    stream.respond({ ':status': fields[':path'] === '/sick' ? 500 : 200 });
    stream.end(fields[':method'] === 'HEAD' ? undefined : '{"status":"up"}');
  });
  const url = `http://127.0.0.1:${await listening(server)}`;
  const health = { path: '/', host: 'app.example.org', headers: { 'x-probe': '1' }, json: { status: 'up' } };
  expect(await asks(url, health, true)).toEqual(WELL);
  expect(seen).toEqual([['GET', '/', 'app.example.org', '1']]);
  expect(await asks(url, { path: '/', body: { contains: 'down' } }, true)).toEqual(
    failed('body without "down"'),
  );
  expect(await asks(url, { path: '/sick', body: { contains: 'up' } }, true)).toEqual(failed('status 500'));
  expect(await asks(url, { path: '/', method: 'HEAD', status: 200 }, true)).toEqual(WELL);
});

it('tcp: a connection is enough, and nothing is sent', async () => {
  const received: Buffer[] = [];
  const server = createTcpServer((socket) => {
    socket.on('data', (bytes: Buffer) => received.push(bytes));
    socket.on('error', () => {});
  });
  const port = await listening(server);
  expect(await asks(`http://127.0.0.1:${port}`, { tcp: true })).toEqual(WELL);
  const closed = await freePort();
  expect(await asks(`http://127.0.0.1:${closed}`, { tcp: true, port })).toEqual(WELL);
  expect(await asks(`http://127.0.0.1:${closed}`, { tcp: true })).toEqual(failed('ECONNREFUSED'));
  expect(received).toEqual([]);
});

it('rounds are spread by jitter, and one upstream is asked once a round', async () => {
  const clock = createManualClock();
  const upstreams = await startUpstreams(8);
  const asked = (): number => upstreams.reduce((sum, { requests }) => sum + requests, 0);
  const gateway = await startTestGateway(
    upstreams,
    { health: { path: '/', every: '10s', timeout: '10s', jitter: '100%', before: 'probe' } },
    { clock, random: seededRandom(7) },
  );
  await until('the first round', () => gateway.log.filter(({ to }) => to === 'up').length === 8);
  clock.advance(10_000);
  clock.advance(5000);
  await until('some of the second', () => asked() > 8);
  expect(upstreams.filter(({ requests }) => requests === 2).length).toBeLessThan(8);
  clock.advance(4999);
  await until('all of the second', () => asked() === 16);
  expect(upstreams.map(({ requests }) => requests)).toEqual(Array(8).fill(2));
});

it('before: probe lets the first probe decide over the first user, of a start and of a reload', async () => {
  const [first, sick, late] = await startUpstreams(3);
  let isWell = false;
  sick!.behaviour = () => ({ kind: 'answer', status: isWell ? 200 : 503 });
  const clock = createManualClock();
  const settings = { health: { path: '/up', every: '1h', timeout: '1m', healthyAfter: 5, before: 'probe' } };
  const gateway = await startTestGateway([first!, sick!], settings, { clock });
  const changes = (): unknown[] =>
    gateway.log
      .filter(({ to }) => to !== undefined)
      .map(({ upstream, to, why, cause }) => [upstream, to, why, cause]);
  await until('both verdicts', () => changes().length === 2);
  expect(changes()).toEqual(
    expect.arrayContaining([
      ['api-1', 'up', 'probesSucceeded', undefined],
      ['api-2', 'down', 'probesFailed', 'status 503'],
    ]),
  );
  for (let at = 0; at < 4; at++) expect((await request(gateway.port)).status).toBe(200);
  expect(sick!.seen.every(({ target }) => target === '/up')).toBe(true);

  // One that comes is asked at once, and gets nobody meanwhile.
  late!.behaviour = ({ target }) => (target === '/up' ? { kind: 'silent' } : ANSWER);
  await gateway.operations.reload(readConfig(settingsOf([first!, sick!, late!], settings)));
  await until('its probe', () => late!.requests === 1);
  for (let at = 0; at < 4; at++) expect((await request(gateway.port)).status).toBe(200);
  expect(late!.requests).toBe(1);
  expect(changes().at(-1)).toEqual(['api-3', 'down', 'awaitsProbe', undefined]);
  clock.advance(60_000);
  await until('its verdict', () => changes().at(-1)!.toString() === 'api-3,down,probesFailed,timeout');
});
