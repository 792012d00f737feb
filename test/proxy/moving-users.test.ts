import http2 from 'node:http2';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { request, type RawResponse } from '../support/raw-client.js';
import { until, within } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/*
 * Users who leave an upstream by a drain, with what lasts: tunnels, event streams, uploads. Time is a manual
 * clock's; sockets are real.
 */

const MINUTE = 60_000;

interface App {
  readonly id: string;
  readonly url: string;
  readonly seen: IncomingMessage[];
  readonly sockets: WebSocket[];
  /** What it answers besides 200 and its id. */
  headers: Record<string, string>;
}

const servers: http.Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function startApp(id: string): Promise<App> {
  const seen: IncomingMessage[] = [];
  const sockets: WebSocket[] = [];
  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    seen.push(incoming);
    if (incoming.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      return;
    }
    incoming.resume();
    incoming.on('end', () => response.writeHead(200, app.headers).end(id));
  };
  const server = http.createServer(answer);
  const tunnels = new WebSocketServer({ server });
  tunnels.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const app: App = {
    id,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    sockets,
    headers: {},
  };
  return app;
}

let apps: App[];
let gateway: TestGateway;
const clock = createManualClock(1_800_000_000_000);

beforeEach(async () => {
  apps = await Promise.all(['api-1', 'api-2', 'api-3'].map(startApp));
  const upstreams = Object.fromEntries(apps.map(({ id, url }) => [id, url]));
  gateway = await startTestGateway(upstreams, { affinity: ['cookie'], expose: true }, { clock });
});

const ask = (cookie?: string, headers: Record<string, string> = {}): Promise<RawResponse> =>
  request(gateway.port, { headers: { ...(cookie !== undefined && { cookie }), ...headers } });
const cookieOf = (answer: RawResponse): string | undefined => answer.header('set-cookie')?.split(';')[0];

/** A user of api-2, as a Cookie field. */
async function userOf(id = 'api-2'): Promise<string> {
  for (;;) {
    const answer = await ask();
    if (answer.header('x-upstream') === id) return cookieOf(answer)!;
  }
}

async function tunnel(cookie: string): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/`, { headers: { cookie } });
  client.on('error', () => {});
  await within('the handshake', new Promise((resolve) => client.once('open', resolve)));
  return client;
}

const closing = (socket: WebSocket): Promise<number> =>
  within('the close', new Promise<number>((resolve) => socket.once('close', resolve)), 60_000);

/** Moves the clock on until it is so. */
async function passTime(what: string, isSo: () => boolean, stepMs = 500): Promise<void> {
  const go = (): boolean => {
    if (isSo()) return true;
    clock.advance(stepMs);
    return false;
  };
  await until(what, go, 60_000);
}

describe('tunnels and streams leave with their user', () => {
  it('WebSockets are closed with 1012, one after the other; their upstreams hear the same', async () => {
    const users = await Promise.all(Array.from({ length: 6 }, () => userOf()));
    const clients = await Promise.all(users.map(tunnel));
    const other = await tunnel(await userOf('api-1'));
    const upstreams = await until('all tunnels', () => apps[1]!.sockets.length === 6 && apps[1]!.sockets);
    const codes: number[] = [];
    const closedAt: number[] = [];
    for (const client of clients)
      client.once('close', (code) => {
        codes.push(code);
        closedAt.push(clock.now());
      });
    const told = upstreams.map(closing);
    await gateway.operations.drain('default', 'api-2', { within: '1m' });
    const from = clock.now();
    await passTime('all of them closed', () => codes.length === 6);
    expect(codes).toEqual([1012, 1012, 1012, 1012, 1012, 1012]);
    expect(await Promise.all(told)).toEqual([1012, 1012, 1012, 1012, 1012, 1012]);
    expect(new Set(closedAt.map((at) => Math.floor((at - from) / 15_000))).size).toBeGreaterThan(1);
    expect(other.readyState).toBe(WebSocket.OPEN);
    await until('their lines', () => gateway.log.filter(({ ended }) => ended === 'draining').length === 6);
    // Each comes again with its cookie, and is elsewhere.
    const again = await ask(users[0]);
    expect([again.header('x-upstream') === 'api-2', again.header('x-affinity')]).toEqual([
      false,
      'moved by cookie (draining)',
    ]);
  });

  it('a WebSocket over HTTP/2 is closed with 1012, too', async () => {
    const upstreams = Object.fromEntries(apps.map(({ id, url }) => [id, url]));
    const settings = { affinity: ['cookie'], expose: true, http2: true };
    gateway = await startTestGateway(upstreams, settings, { clock });
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    onTestFinished(() => session.destroy());
    await within('its settings', new Promise((resolve) => session.once('remoteSettings', resolve)));
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': '/',
      'sec-websocket-version': '13',
      cookie: await userOf(),
    });
    stream.on('error', () => {});
    let got = Buffer.alloc(0);
    stream.on('data', (piece: Buffer) => (got = Buffer.concat([got, piece])));
    const upstream = await until('the tunnel', () => apps[1]!.sockets[0]);
    const told = closing(upstream);
    await gateway.operations.drain('default', 'api-2', { within: '1m' });
    await passTime('its close frame', () => got.length > 0);
    expect([got[0], got.readUInt16BE(2)]).toEqual([0x88, 1012]);
    // The client's own close frame, masked with zeros.
    stream.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 1012 >> 8, 1012 & 255]));
    expect(await told).toBe(1012);
    await until('its line', () => gateway.log.find(({ ended }) => ended === 'draining'));
  });

  it('a frame that is under way is let through first', async () => {
    const client = await tunnel(await userOf());
    const upstream = await until('the tunnel', () => apps[1]!.sockets[0]);
    const got: number[] = [];
    client.on('message', (data) => got.push((data as Buffer).length));
    // The half of a frame of 1000 bytes, as no library would send it.
    const raw = (upstream as unknown as { _socket: import('node:net').Socket })._socket;
    const near = (client as unknown as { _socket: import('node:net').Socket })._socket;
    const before = near.bytesRead;
    raw.write(Buffer.from([0x82, 126, 1000 >> 8, 1000 & 255]));
    raw.write(Buffer.alloc(400));
    await until('the half', () => near.bytesRead >= before + 404);
    await gateway.operations.drain('default', 'api-2', { within: '0s' });
    const from = clock.now();
    await passTime('its turn', () => clock.now() >= from + 5250, 250);
    const closed = closing(client);
    raw.write(Buffer.alloc(600));
    raw.write(Buffer.from([0x82, 1, 7]));
    expect([await closed, got]).toEqual([1012, [1000]]);
  });

  it('an event stream is cut, and does not look whole', async () => {
    const cookie = await userOf();
    const stream = http.get({ port: gateway.port, path: '/events', headers: { cookie } });
    const answer = await within(
      'its head',
      new Promise<IncomingMessage>((ok) => stream.once('response', ok)),
    );
    const ended = within('its end', new Promise((ok) => answer.once('close', ok)));
    answer.on('error', () => {});
    answer.resume();
    await gateway.operations.drain('default', 'api-2', { within: '1m' });
    await passTime('its end', () => answer.closed, 1000);
    await ended;
    expect(answer.complete).toBe(false);
    const line = await until('its line', () => gateway.log.find(({ path }) => path === '/events'));
    expect(line).toMatchObject({ upstream: 'api-2', ended: 'draining' });
    expect(apps[1]!.seen.some(({ url }) => url === '/events')).toBe(true);
  });

  it('a request that moves its user ends what the user has left behind', async () => {
    const cookie = await userOf();
    const client = await tunnel(cookie);
    const closed = closing(client);
    await gateway.operations.drain('default', 'api-2', { within: '1s', quiet: '1h' });
    clock.advance(700);
    const page = { 'sec-fetch-mode': 'navigate' };
    await until('its turn', async () => {
      clock.advance(1);
      return (await ask(cookie, page)).header('x-affinity')?.startsWith('moved') === true;
    });
    expect(await closed).toBe(1012);
  });
});

describe('an upload', () => {
  it('is not torn apart: its user leaves when it is over', async () => {
    const cookie = await userOf();
    const upload = http.request({ port: gateway.port, method: 'POST', headers: { cookie } });
    const answered = within('its answer', new Promise<IncomingMessage>((ok) => upload.once('response', ok)));
    upload.write('a part');
    await until('it arrives', () => apps[1]!.seen.some(({ method }) => method === 'POST'));
    await gateway.operations.drain('default', 'api-2', { within: '1m' });
    clock.advance(59_990);
    expect((await ask(cookie)).header('x-affinity')).toBe('bound by cookie');
    upload.end('the rest');
    expect((await answered).headers['x-upstream']).toBe('api-2');
    expect((await ask(cookie)).header('x-affinity')).toBe('moved by cookie (draining)');
  });
});

describe('what upstreams are told and say', () => {
  it('whoever gets a moved user learns whose it was; clients can’t say so', async () => {
    const cookie = await userOf();
    await gateway.operations.drain('default', 'api-2', { within: '0s' });
    const answer = await ask(cookie, { 'x-affinity-moved': 'forged', x_affinity_moved: 'forged' });
    const app = apps.find(({ id }) => id === answer.header('x-upstream'))!;
    const { headers } = app.seen.at(-1)!;
    expect([headers['x-affinity-moved'], headers['x_affinity_moved']]).toEqual(['api-2', undefined]);
    await ask(cookieOf(answer), { 'x-affinity-moved': 'forged' });
    expect(app.seen.at(-1)!.headers).not.toHaveProperty('x-affinity-moved');
    const { drain } = (await gateway.operations.status()).pools[0]!.upstreams[1]!;
    expect(drain).toMatchObject({ moved: 1, movedLastMinute: 1, tunnels: 0, requestsInProgress: 0 });
    const line = gateway.log.find(({ outcome }) => outcome === 'moved');
    expect(line).toMatchObject({ from: 'api-2', why: 'draining', upstream: app.id });
  });

  it('an upstream hands its user over with an answer', async () => {
    const cookie = await userOf();
    apps[1]!.headers = { 'x-affinity-handover': 'any' };
    const answer = await ask(cookie);
    expect([answer.header('x-upstream'), answer.header('x-affinity-handover')]).toEqual(['api-2', undefined]);
    const next = await ask(cookieOf(answer));
    expect(next.header('x-upstream')).not.toBe('api-2');
    expect(next.header('x-affinity')).toBe('bound by cookie');
    // Somebody new is handed over, too.
    for (let user = 0; user < 6; user++) {
      const first = await ask();
      if (first.header('x-upstream') !== 'api-2') continue;
      expect((await ask(cookieOf(first))).header('x-upstream')).not.toBe('api-2');
    }
  });
});

describe('what an operator asks for', () => {
  it.each([
    [{ within: '30m', until: '2099-01-01' }, 'not both'],
    [{ within: 'soon' }, 'needs a duration'],
    [{ until: '2020-01-01' }, 'has passed'],
    [{ quiet: '5m' }, 'together with within or until'],
    [{ within: '30m', quite: '5m' }, 'Did you mean quiet'],
  ])('%j is refused', async (options, message) => {
    await expect(gateway.operations.drain('default', 'api-2', options)).rejects.toMatchObject({
      code: 'STICKY_OPERATION_REFUSED',
      message: expect.stringContaining(message) as string,
    });
  });

  it('a drain of the last upstream that takes new users is refused; status says how far one is', async () => {
    const { operations } = gateway;
    await operations.drain('default', 'api-1');
    await operations.drain('default', 'api-2', { within: '10m', quiet: '1m' });
    await expect(operations.drain('default', 'api-3', { within: '10m' })).rejects.toThrow('the only one');
    clock.advance(5 * MINUTE);
    const upstream = async () => (await operations.status()).pools[0]!.upstreams[1]!;
    expect(await upstream()).toMatchObject({
      standing: 'leaving',
      drain: {
        progress: 0.5,
        quietMs: MINUTE,
        isInTime: true,
        until: new Date(clock.now() + 5 * MINUTE).toISOString(),
      },
    });
    clock.advance(5 * MINUTE);
    expect(await upstream()).toMatchObject({ standing: 'drained', drain: { progress: 1 } });
    await operations.enable('default', 'api-2');
    expect(await upstream()).not.toHaveProperty('drain');
  });
});
