import { existsSync, readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import http2 from 'node:http2';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { probe } from '../../src/control/probes.js';
import { isThere } from '../../src/control/upstream-check.js';
import type { Verdict } from '../../src/control/upstream-question.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { FrameUpstream } from '../support/frame-upstream.js';
import { ended, EchoClient, startEcho } from '../support/grpc-echo.js';
import { freePort } from '../support/ports.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';

/** Nobody listens there. */
const refusedUrl = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;

const BOTH = { http2: true, upstreamHttp2: true };

describe('gRPC through the gateway', async () => {
  const echo = await startEcho();
  const gateway = await startTestGateway({ app: echo.url }, BOTH);
  const client = new EchoClient(gateway.port);

  it('unary: message, status and trailers, binary ones too', async () => {
    const { code, trailers } = await client.unary('hello', { 'x-bin': Buffer.from([1, 0, 255]) });
    expect([code, trailers.get('served-by'), trailers.get('detail-bin')]).toEqual([
      0,
      ['echo'],
      [Buffer.from([0, 255, 1])],
    ]);
    const { metadata } = echo.calls.at(-1)!;
    expect([metadata.get('x-bin'), metadata.get('x-forwarded-for')]).toEqual([
      [Buffer.from([1, 0, 255])],
      ['127.0.0.1'],
    ]);
    expect(gateway.log.at(-1)).toMatchObject({ status: 200, upstream: 'app' });
  });

  it('a failure keeps its status, its message and its trailers (Trailers-Only)', async () => {
    const { code, details, trailers } = await client.unary('fail-7');
    expect([code, details, trailers.get('served-by')]).toEqual([7, 'as asked, ü', ['echo']]);
  });

  it('client streaming, server streaming, and both ways at once', async () => {
    const { call, answer } = client.collect();
    for (let at = 0; at < 200; at++) call.write(Buffer.alloc(5000));
    call.end();
    expect(await answer).toBe('1000000');
    const repeated = await ended(client.repeat(500));
    expect([repeated.code, repeated.messages.length, repeated.messages[0]]).toEqual([0, 500, '500']);
    const talk = client.talk();
    const heard: string[] = [];
    talk.on('data', (message: Buffer) => void heard.push(message.toString()));
    for (let round = 1; round <= 5; round++) {
      talk.write(Buffer.from(`round ${round}`));
      await until(`answer ${round}`, () => heard.length === round);
    }
    const end = ended(talk);
    talk.end();
    expect((await end).code).toBe(0);
  });

  it('a client that gives a call up reaches the server', async () => {
    const talk = client.talk();
    talk.on('error', () => {});
    talk.write(Buffer.from('a'));
    await new Promise((resolve) => talk.once('data', resolve));
    const { code } = await Promise.all([ended(talk), talk.cancel()]).then(([end]) => end);
    expect(code).toBe(status.CANCELLED);
    await until('the log to know', () => gateway.log.at(-1)?.['status'] === 499);
  });
});

describe('what the gateway itself says to a call', () => {
  it('has a status of gRPC, and one of HTTP to everybody else', async () => {
    const gateway = await startTestGateway(
      {},
      {
        http2: true,
        pools: { gone: { upstreams: { gone: await refusedUrl() }, http2: true } },
        routes: [{ match: { path: '/test.Echo' }, pool: 'gone' }],
      },
    );
    const client = new EchoClient(gateway.port);
    const { code, details } = await client.unary('hello');
    expect([code, details]).toEqual([status.UNAVAILABLE, expect.stringContaining('no-upstream')]);
    expect(gateway.log.at(-1)).toMatchObject({ status: 503, fault: 'connect' });
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    onTestFinished(() => session.destroy());
    const ask = (path: string, type: string): Promise<object> =>
      new Promise((resolve) => {
        const request = session.request({ ':method': 'POST', ':path': path, 'content-type': type });
        request.end('x');
        request.resume();
        request.on('response', (fields) => resolve(fields));
      });
    for (const [path, type, expected] of [
      [
        '/other',
        'application/grpc',
        { ':status': 200, 'grpc-status': '12', 'content-type': 'application/grpc' },
      ],
      ['/test.Echo/x', 'application/grpc+proto', { ':status': 200, 'grpc-status': '14' }],
      ['/test.Echo/x', 'application/grpc; a=b', { ':status': 200, 'grpc-status': '14' }],
      ['/other', 'application/grpc-web', { ':status': 404 }],
      ['/other', 'application/json', { ':status': 404 }],
    ] as const)
      expect(await ask(path, type)).toMatchObject(expected);
  });

  it('DEADLINE_EXCEEDED when the time that the call names is over, and the upstream hears of it', async () => {
    const clock = createManualClock();
    const upstream = await FrameUpstream.start();
    upstream.onRequest = () => {};
    const gateway = await startTestGateway({ app: upstream.url }, BOTH, { clock });
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    onTestFinished(() => session.destroy());
    const call = (timeout: string): Promise<object> =>
      new Promise((resolve) => {
        const request = session.request({
          ':method': 'POST',
          ':path': '/a/b',
          'content-type': 'application/grpc',
          'grpc-timeout': timeout,
        });
        request.end('x');
        request.resume();
        request.on('response', (fields) => resolve(fields));
      });
    const short = call('2S');
    await upstream.request(1);
    clock.advance(2300);
    expect(await short).toMatchObject({ ':status': 200, 'grpc-status': '4' });
    await upstream.connections[0]!.frame(3, 1);
    const long = call('5H');
    await upstream.request(2);
    clock.advance(60_300);
    expect(await long).toMatchObject({ 'grpc-status': '4' });
  });

  it('a second try has what is left of the time', async () => {
    const clock = createManualClock();
    const upstream = await FrameUpstream.start();
    upstream.onRequest = (connection, { stream }) => {
      if (stream > 1) {
        connection.answer(stream);
        return;
      }
      clock.advance(1000);
      connection.write('\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07');
    };
    const gateway = await startTestGateway({ app: upstream.url }, BOTH, { clock });
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    onTestFinished(() => session.destroy());
    const request = session.request({
      ':method': 'POST',
      ':path': '/a/b',
      'content-type': 'application/grpc',
      'grpc-timeout': '5S',
    });
    request.end('x');
    await upstream.request(2);
    expect(upstream.requests.map((each) => [each.get('grpc-timeout'), each.get('te')])).toEqual([
      ['5S', 'trailers'],
      ['4000m', 'trailers'],
    ]);
  });

  it('a stream may be silent for longer than bodyIdleTime', async () => {
    const clock = createManualClock();
    const echo = await startEcho();
    const gateway = await startTestGateway({ app: echo.url }, BOTH, { clock });
    const talk = new EchoClient(gateway.port).talk();
    const heard: string[] = [];
    talk.on('data', (message: Buffer) => void heard.push(message.toString()));
    talk.on('error', () => {});
    talk.write(Buffer.from('one'));
    await until('the first', () => heard.length === 1);
    // The system may put off its acknowledgement. To a clock that leaps, the client would have read nothing.
    await until('its acknowledgement', () => isAcknowledged(gateway.port));
    clock.advance(150_000);
    talk.write(Buffer.from('two'));
    await until('the second', () => heard.length === 2);
    const end = ended(talk);
    talk.end();
    expect((await end).code).toBe(0);
  });
});

it('calls stay where their metadata says, and where they were bound', async () => {
  const servers = [await startEcho('a'), await startEcho('b'), await startEcho('c')];
  const upstreams = Object.fromEntries(servers.map(({ url }, at) => [`api-${at + 1}`, url]));
  const gateway = await startTestGateway(upstreams, { ...BOTH, affinity: [{ header: 'x-user-bin' }] });
  const client = new EchoClient(gateway.port);
  const reached = new Map<string, Set<string>>();
  for (let round = 0; round < 3; round++)
    for (const user of ['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus', 'hal']) {
      const { trailers } = await client.unary('hello', { 'x-user-bin': Buffer.from(user) });
      reached.set(user, (reached.get(user) ?? new Set()).add(String(trailers.get('served-by'))));
    }
  expect([...reached.values()].map(({ size }) => size)).toEqual(Array(8).fill(1));
  expect(new Set([...reached.values()].map((each) => [...each][0])).size).toBeGreaterThan(1);
});

it('probes ask by gRPC’s health check, and a PING tells whether an upstream is there', async () => {
  const echo = await startEcho();
  echo.health.set('shop.Cart', 1).set('shop.Till', 2).set('shop.Door', 0);
  const upstream = { id: 'app', url: echo.url, weight: 1, draining: false };
  const tls = { ca: undefined, insecure: false };
  const times = { everyMs: 60_000, timeoutMs: 10_000, healthyAfter: 1, unhealthyAfter: 1 };
  const ask = (grpc: string | undefined, path?: string): Promise<Verdict> =>
    probe(upstream, { health: { path, grpc, ...times }, tls, isHttp2: true }, systemClock);
  expect(
    await Promise.all(['', 'shop.Cart', 'shop.Till', 'shop.Door', 'shop.None'].map((each) => ask(each))),
  ).toEqual([
    { kind: 'well' },
    { kind: 'well' },
    { kind: 'failed', cause: 'NOT_SERVING' },
    { kind: 'failed', cause: 'UNKNOWN' },
    { kind: 'failed', cause: 'grpc-status 5' },
  ]);
  // A server of gRPC answers a path of HTTP in its own way.
  expect(await ask(undefined, '/healthz')).toEqual({ kind: 'failed', cause: 'status 415' });
  expect(await isThere(upstream, tls, true, systemClock)).toEqual({ kind: 'well' });
  echo.health.set('', 2);
  const health = { grpc: '', every: '1h', unhealthyAfter: 1 };
  const gateway = await startTestGateway({ app: echo.url }, { ...BOTH, health });
  await until('it to be down', () =>
    gateway.log.some(({ to, cause }) => to === 'down' && cause === 'NOT_SERVING'),
  );
  echo.server.forceShutdown();
  expect(await ask('')).toEqual({ kind: 'failed', cause: 'ECONNREFUSED' });
  expect(await isThere(upstream, tls, true, systemClock)).toEqual({ kind: 'failed', cause: 'ECONNREFUSED' });
});

/** Nothing that was written at this port waits for the other side's system, as far as Linux can tell. */
function isAcknowledged(port: number): boolean {
  if (!existsSync('/proc/net/tcp')) return true;
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .every(([, address, , , queues]) => address?.endsWith(local) !== true || queues!.startsWith('00000000:'));
}
