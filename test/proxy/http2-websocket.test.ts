import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { acceptOf as accept } from '../../src/proxy/websocket-accept.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const pem = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`./tls/${name}.pem`, import.meta.url)), 'utf8');

async function listen(server: Pick<Server, 'listen' | 'address' | 'close'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Says whose it is, then what it hears. */
function echo(socket: WebSocket, name: string): void {
  socket.send(name);
  socket.on('message', (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
}

async function startWebSocketUpstream(name: string): Promise<string> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'chat' });
  sockets.on('connection', (socket) => echo(socket, name));
  onTestFinished(() => sockets.clients.forEach((socket) => socket.terminate()));
  return `http://127.0.0.1:${await listen(server)}`;
}

async function session(gateway: TestGateway): Promise<ClientHttp2Session> {
  const client = http2.connect(`http://127.0.0.1:${gateway.port}`);
  onTestFinished(() => client.destroy());
  await new Promise((resolve) => client.once('remoteSettings', resolve));
  return client;
}

function handshake(client: ClientHttp2Session, fields: object = {}): ClientHttp2Stream {
  return client.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':path': '/chat',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat',
    origin: 'http://example.org',
    ...fields,
  });
}

const answerTo = (stream: ClientHttp2Stream): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    stream.on('response', (fields) => resolve({ ...fields }));
    stream.on('error', reject);
  });

/** A frame of a client: masked with zeros, so it reads as it is. */
const frameOf = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

describe('a WebSocket over HTTP/2', () => {
  it('is announced, and becomes an upgrade of HTTP/1.1 with a key of the gateway’s own', async () => {
    const upstream = await startWebSocketUpstream('one');
    const gateway = await startTestGateway({ app: upstream }, { http2: true });
    const client = await session(gateway);
    expect(client.remoteSettings.enableConnectProtocol).toBe(true);
    const stream = handshake(client);
    const fields = await answerTo(stream);
    expect(fields).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat' });
    expect(fields).not.toHaveProperty('sec-websocket-accept');
    const heard: Buffer[] = [];
    stream.on('data', (piece: Buffer) => heard.push(piece));
    stream.write(frameOf('hello'));
    const text = (): string => Buffer.concat(heard).toString('latin1');
    await until('the echo', () => text() === '\x81\x03one\x81\x05hello');
    // The upstream answers our close with its own, and ends.
    stream.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 0xe8]));
    await new Promise((resolve) => stream.once('end', resolve));
    expect(text()).toBe('\x81\x03one\x81\x05hello\x88\x02\x03\xe8');
    stream.end();
    await until('the log', () => gateway.log.some((line) => line['status'] === 101));
  });

  it('keeps its affinity: the cookie that a page got says where', async () => {
    const upstreams = { one: await startWebSocketUpstream('one'), two: await startWebSocketUpstream('two') };
    const gateway = await startTestGateway(upstreams, {
      http2: true,
      affinity: ['cookie'],
      balance: 'roundRobin',
      keys: ['0123456789abcdef0123456789abcdef'],
    });
    const whose = async (cookie: string): Promise<[string, string]> => {
      const stream = handshake(await session(gateway), cookie === '' ? {} : { cookie });
      const fields = await answerTo(stream);
      const name = await new Promise<Buffer>((resolve) => stream.once('data', resolve));
      stream.close(8);
      const [given = ''] = (fields['set-cookie'] as string[] | undefined) ?? [];
      return [name.subarray(2).toString(), given.split(';')[0]!];
    };
    const [first, cookie] = await whose('');
    expect(cookie).not.toBe('');
    for (let round = 0; round < 4; round++) expect((await whose(cookie))[0]).toBe(first);
  });

  it.each([
    ['a wrong accept value', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'],
    ['none', ''],
  ])('is answered with 502 when the upstream’s 101 has %s', async (_name, accept) => {
    const bytes = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${accept}\r\n`;
    const upstream = await startUpstream({ behaviour: { kind: 'bytes', bytes, at: 'head' } });
    const gateway = await startTestGateway([upstream], { http2: true });
    expect(await answerTo(handshake(await session(gateway)))).toMatchObject({ ':status': 502 });
    expect(gateway.log.at(-1)).toMatchObject({ fault: 'upgrade' });
  });

  it('passes on what the upstream answers instead, and refuses other protocols with 501', async () => {
    const upstream = await startUpstream({
      behaviour: { kind: 'bytes', bytes: 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno' },
    });
    const gateway = await startTestGateway([upstream], { http2: true });
    const client = await session(gateway);
    expect(await answerTo(handshake(client))).toMatchObject({ ':status': 403 });
    const [seen] = upstream.seen;
    expect(seen!.header('sec-websocket-key')).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect([seen!.header('upgrade'), seen!.header('connection')]).toEqual(['websocket', 'Upgrade']);
    expect(await answerTo(handshake(client, { ':protocol': 'connect-udp' }))).toMatchObject({
      ':status': 501,
    });
    // The session goes on.
    upstream.behaviour = { kind: 'answer', body: 'fine' };
    expect(await answerTo(client.request({ ':path': '/' }))).toMatchObject({ ':status': 200 });
  });

  it('an end stays an end, and a reset a reset', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { http2: true });
    // The fake upstream answers without a key's answer, so the client comes by its own way.
    upstream.behaviour = ({ header }) => ({
      kind: 'bytes',
      at: 'head',
      bytes: `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept(header('sec-websocket-key')!)}\r\n\r\nhi`,
    });
    const client = await session(gateway);
    const stream = handshake(client);
    await answerTo(stream);
    await until('its connection', () => upstream.connections === 1);
    stream.close(8);
    await until('the reset to arrive', () => upstream.connections === 0);
    const other = handshake(client);
    await answerTo(other);
    let code = -1;
    other.on('error', () => {});
    other.on('close', () => (code = other.rstCode));
    upstream.dropConnections();
    await until('its reset', () => code === 8);
  });
});

describe('a WebSocket towards an HTTP/2 upstream', () => {
  it('is a CONNECT where the upstream announces it, from clients of both versions', async () => {
    const server = http2.createServer({ settings: { enableConnectProtocol: true } });
    const seen: http2.IncomingHttpHeaders[] = [];
    server.on('stream', (stream, headers) => {
      seen.push(headers);
      stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
      stream.write(Buffer.from('\x81\x02h2', 'latin1'));
      stream.on('data', () => stream.write(Buffer.from('\x81\x03got', 'latin1')));
      stream.on('end', () => stream.end());
      stream.on('error', () => {});
    });
    const url = `http://127.0.0.1:${await listen(server)}`;
    const gateway = await startTestGateway({ app: url }, { http2: true, upstreamHttp2: true });
    const stream = handshake(await session(gateway));
    expect(await answerTo(stream)).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat' });
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.write(frameOf('x'));
    await until('both', () => Buffer.concat(pieces).toString('latin1') === '\x81\x02h2\x81\x03got');
    stream.end();
    await new Promise((resolve) => stream.once('end', resolve));
    expect(seen[0]).toMatchObject({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/chat',
      'sec-websocket-version': '13',
    });
    expect(seen[0]).not.toHaveProperty('sec-websocket-key');

    const old = new WebSocket(`ws://127.0.0.1:${gateway.port}/chat`, ['chat']);
    const heard: string[] = [];
    old.on('message', (data: Buffer) => {
      heard.push(data.toString());
      if (heard.length === 1) old.send('x');
    });
    await until('both again', () => heard.length === 2);
    expect(heard).toEqual(['h2', 'got']);
    old.terminate();
  });

  it('is an upgrade of HTTP/1.1 where it does not', async () => {
    const server = http2.createSecureServer(
      { cert: pem('cert'), key: pem('key'), allowHTTP1: true },
      (_request, response) => response.end('fine'),
    );
    const sockets = new WebSocketServer({ server: server as unknown as import('node:http').Server });
    sockets.on('connection', (socket) => echo(socket, 'old'));
    onTestFinished(() => sockets.clients.forEach((socket) => socket.terminate()));
    const url = `https://127.0.0.1:${await listen(server)}`;
    const settings = { http2: true, upstreamHttp2: true, upstreamTls: { insecure: true } };
    const gateway = await startTestGateway({ app: url }, settings);
    for (let round = 0; round < 2; round++) {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
      const [data] = await new Promise<[Buffer]>((resolve) =>
        socket.once('message', (...all) => resolve(all as unknown as [Buffer])),
      );
      expect(data.toString()).toBe('old');
      socket.terminate();
      const stream = handshake(await session(gateway));
      expect(await answerTo(stream)).toMatchObject({ ':status': 200 });
      stream.close(8);
      expect(await (await fetch(`http://127.0.0.1:${gateway.port}/`)).text()).toBe('fine');
    }
  });
});
