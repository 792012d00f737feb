import { createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import type { Engine } from '../../src/proxy/wire.js';
import { freePort } from '../support/ports.js';
import { connect, type RawClient } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until, within } from '../support/until.js';
import { fill, HELD_BYTES_MAX } from './fill.js';
import { startTestGateway } from './gateway.js';

const wsPort = await freePort();
const sockets: WebSocket[] = [];
const server = new WebSocketServer({
  port: wsPort,
  host: '127.0.0.1',
  handleProtocols: (asked) => [...asked][0] ?? false,
});
server.on('connection', (socket) => {
  sockets.push(socket);
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
afterAll(() => {
  for (const socket of sockets) socket.terminate();
  server.close();
});
await within('the port', new Promise((resolve) => server.once('listening', resolve)));
const gateway = await startTestGateway({ ws: `http://127.0.0.1:${wsPort}` }, { affinity: ['cookie'] });

async function open(
  options: { protocols?: string[]; onSetCookie?: (value: string) => void } = {},
): Promise<{ client: WebSocket; upstream: WebSocket }> {
  const before = sockets.length;
  const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/chat`, options.protocols ?? []);
  client.on('error', () => {});
  client.on('upgrade', (answer) => options.onSetCookie?.(String(answer.headers['set-cookie'])));
  await within('the handshake', new Promise((resolve) => client.once('open', resolve)));
  return { client, upstream: await until('the upstream to have it', () => sockets[before]) };
}

const message = (socket: WebSocket): Promise<Buffer> =>
  within(
    'a message',
    new Promise<Buffer>((resolve) => socket.once('message', (data) => resolve(data as Buffer))),
  );
const closing = (socket: WebSocket): Promise<number> =>
  within('the close', new Promise<number>((resolve) => socket.once('close', resolve)));

describe('a WebSocket', () => {
  it('carries small and large messages both ways', async () => {
    const { client, upstream } = await open();
    for (const size of [0, 1, 1000, 100_000, 3_000_000]) {
      const echoed = message(client);
      client.send(Buffer.alloc(size, 'abc'));
      expect((await echoed).equals(Buffer.alloc(size, 'abc'))).toBe(true);
    }
    const pushed = message(client);
    upstream.send('unasked');
    expect((await pushed).toString()).toBe('unasked');
    client.terminate();
  });

  it('keeps its protocol, and binds its client at the handshake', async () => {
    let cookie = '';
    const { client } = await open({ protocols: ['chat.v2'], onSetCookie: (value) => (cookie = value) });
    expect(client.protocol).toBe('chat.v2');
    expect(cookie).toMatch(/^[\w-]+=.+HttpOnly/i);
    client.terminate();
  });

  it('is closed by the client with its code', async () => {
    const { client, upstream } = await open();
    const codes = [closing(client), closing(upstream)];
    client.close(4001, 'enough');
    expect(await Promise.all(codes)).toEqual([4001, 4001]);
  });

  it('is closed by the upstream with its code', async () => {
    const { client, upstream } = await open();
    const codes = [closing(client), closing(upstream)];
    upstream.close(4002, 'enough');
    expect(await Promise.all(codes)).toEqual([4002, 4002]);
  });

  it('that breaks on one side breaks on the other', async () => {
    for (const breaks of ['client', 'upstream'] as const) {
      const pair = await open();
      const other = closing(breaks === 'client' ? pair.upstream : pair.client);
      pair[breaks].terminate();
      expect(await other).toBe(1006);
    }
  });
});

const upstream = await startUpstream();
const plain = await startTestGateway([upstream], { affinity: ['cookie'] });
const HANDSHAKE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: Test/1\r\n\r\n';

async function upgraded(): Promise<RawClient> {
  const client = await connect(plain.port);
  client.write(HANDSHAKE);
  const answer = await client.response();
  expect([answer.status, answer.header('connection'), answer.header('upgrade')]).toEqual([
    101,
    'Upgrade',
    'test/1',
  ]);
  return client;
}

/** An upgraded connection whose upstream end is in the test's hands. */
async function startTunnel(): Promise<{ client: RawClient; socket: Socket }> {
  const accepted: Socket[] = [];
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    socket
      .on('error', () => {})
      .once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n');
        accepted.push(socket);
      });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  afterAll(() => void listener.close());
  const client = await connect((await startTestGateway({ tunnel: `http://127.0.0.1:${port}` })).port);
  expect((await client.request({ headers: { Connection: 'upgrade', Upgrade: 'test' } })).status).toBe(101);
  return { client, socket: accepted[0]! };
}

describe('any other protocol', () => {
  it('is changed to, bytes go both ways, and the answer binds', async () => {
    const client = await connect(plain.port);
    const answer = await client.request({ headers: { Connection: 'Upgrade', Upgrade: 'test/1' } });
    expect(answer.header('set-cookie')).toMatch(/^[\w-]+=/);
    client.write(Buffer.from([0, 255, 13, 10]));
    expect([...(await client.raw(4))]).toEqual([0, 255, 13, 10]);
    client.destroy();
    await until('a line in the log', () => plain.log.at(-1)?.status === 101);
  });

  it('bytes that follow the handshake at once are not lost, in front of the answer nor behind it', async () => {
    const client = await connect(plain.port);
    client.write(`${HANDSHAKE}early `);
    client.write('bytes');
    expect((await client.response()).status).toBe(101);
    expect((await client.raw(11)).toString()).toBe('early bytes');
    client.destroy();
  });

  it("the upstream's first bytes may come with its answer", async () => {
    const greeter = await startUpstream({
      behaviour: {
        kind: 'bytes',
        bytes: 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\nhello',
      },
    });
    const client = await connect((await startTestGateway([greeter])).port);
    expect((await client.request({ headers: { Connection: 'upgrade', Upgrade: 'test' } })).status).toBe(101);
    expect((await client.raw(5)).toString()).toBe('hello');
    client.destroy();
  });

  it('a client that ends its half still hears the rest', async () => {
    const client = await upgraded();
    client.write('last words');
    client.end();
    expect((await client.raw(10)).toString()).toBe('last words');
    expect(await client.closed()).toBe('end');
    await until('a line in the log', () => plain.log.at(-1)?.status === 101);
  });

  it('an upstream that ends its half still hears the rest', async () => {
    const { client, socket } = await startTunnel();
    let heard = 0;
    socket.on('data', (bytes: Buffer) => (heard += bytes.length));
    socket.end('bye');
    expect((await client.raw(3)).toString()).toBe('bye');
    expect(await client.closed()).toBe('end');
    client.write(Buffer.alloc(5_000_000));
    client.end();
    await until('all of it', () => heard === 5_000_000);
  });

  it('what the upstream is slow to take is not thrown away when both sides have ended', async () => {
    // The kernel's part is played by the test: it takes nothing.
    const calls: string[] = [];
    let waiting = '';
    const engine: Engine = {
      listen: nodeEngine.listen,
      connect(_target, handler) {
        const head = Buffer.from(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n',
        );
        const note = (call: string) => (): void => void calls.push(call);
        queueMicrotask(() => {
          handler.onConnect();
          handler.onBytes(head, 0, head.length);
          handler.onEnd();
        });
        const write = (bytes: string | Buffer): void => void (waiting += bytes.toString('latin1'));
        return {
          remoteAddress: '',
          isOpen: true,
          writeText: write,
          write,
          cork() {},
          uncork() {},
          pause() {},
          resume() {},
          end: note('end'),
          destroy: note('destroy'),
          reset: note('reset'),
          get bufferedBytes() {
            return waiting.length;
          },
        };
      },
    };
    const slow = await startTestGateway([upstream], {}, { engine });
    const client = await connect(slow.port);
    expect((await client.request({ headers: { Connection: 'upgrade', Upgrade: 'test' } })).status).toBe(101);
    client.write('last words');
    client.end();
    await until('the line in the log', () => slow.log.length === 1);
    await until('its end to be said', () => calls.length > 0);
    expect([waiting.slice(waiting.indexOf('\r\n\r\n') + 4), calls]).toEqual(['last words', ['end']]);
  });

  it('a slow client stops the upstream, a slow upstream stops the client', async () => {
    const { client, socket } = await startTunnel();
    socket.pipe(socket);
    client.socket.pause();
    const before = client.socket.bytesWritten;
    // There and back.
    expect(await fill(client, Buffer.alloc(64 * 1024, 'a'))).toBeLessThan(2 * HELD_BYTES_MAX);
    client.socket.resume();
    await client.raw(client.socket.bytesWritten - before, 10_000);
    client.destroy();
  });
});

describe('a change of protocol that does not come', () => {
  it('is refused by the upstream like any request, and the connection goes on', async () => {
    upstream.behaviour = { kind: 'answer', status: 403, body: 'no' };
    const refusing = await startUpstream({
      behaviour: { kind: 'bytes', bytes: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno' },
    });
    const client = await connect((await startTestGateway([refusing])).port);
    for (let turn = 0; turn < 2; turn++) {
      const answer = await client.request({ headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
      expect([answer.status, answer.text()]).toEqual([403, 'no']);
    }
    upstream.behaviour = { kind: 'answer' };
  });

  it.each([
    [
      'h2c, which would carry requests past the router',
      'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n',
    ],
    ['h2c among others', 'Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n'],
    ['H2C in capitals', 'Upgrade: H2C\r\nConnection: Upgrade\r\n'],
    ['one that Connection does not name', 'Upgrade: websocket\r\n'],
    [
      "one with a body, whose end would be anybody's guess",
      'Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n',
    ],
  ])('attack: %s is not passed on', async (_name, fields) => {
    const client = await connect(plain.port);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${fields.includes('Length') ? 'hello' : ''}`);
    expect((await client.response()).status).toBe(200);
    const seen = upstream.seen.at(-1)!;
    expect([seen.header('upgrade'), seen.header('connection'), seen.header('http2-settings')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("attack: HTTP/1.0 can't change its protocol", async () => {
    const client = await connect(plain.port);
    client.write('GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect((await client.response()).status).toBe(200);
  });
});
