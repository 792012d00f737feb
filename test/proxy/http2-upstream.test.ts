import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import http2 from 'node:http2';
import { createServer } from 'node:tls';
import type { AddressInfo, Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { frame, setting, uint32 } from '../../src/proxy/http2/frames.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { FrameUpstream, type FrameConnection, type FrameRequest } from '../support/frame-upstream.js';
import { connect, request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const REFUSED_STREAM = uint32(7);
const pem = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`./tls/${name}.pem`, import.meta.url)), 'utf8');

async function listen(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

/** A gateway in front of an upstream that speaks frames. */
async function start(settings: object = {}): Promise<{ gateway: TestGateway; upstream: FrameUpstream }> {
  const upstream = await FrameUpstream.start();
  const gateway = await startTestGateway({ app: upstream.url }, { upstreamHttp2: true, ...settings });
  return { gateway, upstream };
}

const get = (gateway: TestGateway, path = '/'): Promise<{ status: number; text: string }> =>
  fetch(`http://127.0.0.1:${gateway.port}${path}`).then(async (answer) => ({
    status: answer.status,
    text: await answer.text(),
  }));

describe('a request over HTTP/2 to an upstream', () => {
  it('has its pseudo-fields first, no field of a connection, and ends with its head when it has no body', async () => {
    const { gateway, upstream } = await start();
    const { status, text } = await get(gateway, '/a?b=c');
    expect([status, text]).toEqual([200, 'ok']);
    const [{ fields, hasEnded }] = upstream.requests as [FrameRequest];
    expect(fields.slice(0, 4)).toEqual([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/a?b=c'],
      [':authority', `127.0.0.1:${gateway.port}`],
    ]);
    const names = fields.map(([name]) => name);
    expect(names).toEqual(names.map((name) => name.toLowerCase()));
    expect(names).toContain('x-forwarded-for');
    for (const name of ['host', 'connection', 'keep-alive', 'te', 'transfer-encoding'])
      expect(names).not.toContain(name);
    expect(hasEnded).toBe(true);
  });

  it('shares its connection with others, and what leaves in one turn leaves in one write', async () => {
    const { gateway, upstream } = await start();
    const held: [FrameConnection, number][] = [];
    upstream.onRequest = (connection, { stream }) => void held.push([connection, stream]);
    const first = get(gateway);
    await until('the first', () => held.length === 1);
    const [[connection]] = held as [[FrameConnection, number]];
    const before = connection.reads;
    const client = await connect(gateway.port);
    client.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    const others = [client];
    for (let at = 0; at < 9; at++) others.push(await connect(gateway.port));
    for (const other of others.slice(1)) other.write('GET /b HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('all ten', () => held.length === 11);
    expect(upstream.connections.length).toBe(1);
    expect(connection.reads - before).toBeLessThanOrEqual(10);
    for (const [, stream] of held.reverse()) connection.answer(stream, String(stream));
    expect((await first).text).toBe('1');
    expect(new Set(held.map(([, stream]) => stream)).size).toBe(11);
  });

  it('passes bodies and trailers both ways, as node:http2 sees them', async () => {
    const server = http2.createServer();
    server.on('stream', (stream) => {
      let bytes = 0;
      let trailers: object = {};
      stream.on('data', (piece: Buffer) => (bytes += piece.length));
      stream.on('trailers', (fields) => (trailers = { ...fields }));
      stream.on('end', () => {
        stream.respond({ ':status': 201, 'x-one': '1' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': JSON.stringify(trailers) }));
        stream.end(String(bytes));
      });
    });
    const port = await listen(server);
    onTestFinished(() => void server.close());
    const gateway = await startTestGateway({ app: `http://127.0.0.1:${port}` }, { upstreamHttp2: true });
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let at = 0; at < 20; at++) client.write(`2710\r\n${'x'.repeat(10_000)}\r\n`);
    client.write('0\r\nX-Check: abc\r\n\r\n');
    const answer = await client.response();
    expect([answer.status, answer.body.toString()]).toEqual([201, '200000']);
    expect(answer.trailers).toEqual([['x-sum', '{"x-check":"abc"}']]);
  });

  it('is repeated once, whatever its method, when the upstream says that it was not processed', async () => {
    const { gateway, upstream } = await start();
    let refusals = 1;
    upstream.onRequest = (connection, { stream }) => {
      if (refusals-- > 0) connection.write(frame(3, 0, stream, REFUSED_STREAM));
      else connection.answer(stream);
    };
    const post = { method: 'POST', body: 'a' };
    const once = await fetch(`http://127.0.0.1:${gateway.port}/`, post);
    expect([once.status, upstream.requests.length]).toEqual([200, 2]);
    refusals = 9;
    const twice = await fetch(`http://127.0.0.1:${gateway.port}/`, post);
    expect([twice.status, await twice.text(), upstream.requests.length]).toEqual([
      503,
      expect.stringContaining('upstream-refused'),
      4,
    ]);
    expect(gateway.log.at(-1)).toMatchObject({ fault: 'refused', cause: 'HTTP2_REFUSED_STREAM' });
  });

  it('goes on when a GOAWAY covers it, and over a new connection when it does not', async () => {
    const { gateway, upstream } = await start();
    const held: number[] = [];
    upstream.onRequest = (connection, { stream }) => {
      if (connection !== upstream.connections[0]) connection.answer(stream, 'new');
      else if (held.push(stream) === 2) {
        connection.write(frame(7, 0, 0, uint32(1) + uint32(0)));
        connection.answer(1, 'old');
      }
    };
    const answers = [get(gateway)];
    await until('the first', () => held.length === 1);
    answers.push(
      fetch(`http://127.0.0.1:${gateway.port}/`, { method: 'POST', body: 'x' }).then(async (answer) => ({
        status: answer.status,
        text: await answer.text(),
      })),
    );
    expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['old', 'new']);
    await until('the old connection to end', () => upstream.connections[0]!.isClosed);
  });

  it('waits for a stream where all are taken, within the upstream’s own limit, on more connections', async () => {
    const { gateway, upstream } = await start({ limits: { upstreamHttp2Connections: 2 } });
    upstream.settings = setting(3, 2);
    const held: [FrameConnection, number][] = [];
    upstream.onRequest = (connection, { stream }) => {
      if (stream === 1 && connection.requests.length === 1 && held.length === 0) connection.answer(stream);
      else held.push([connection, stream]);
    };
    await get(gateway);
    const answers = Array.from({ length: 7 }, () => get(gateway));
    await until('four of seven', () => held.length === 4);
    expect(upstream.connections.length).toBe(2);
    expect(upstream.connections.map(({ requests }) => requests.length)).toEqual([3, 2]);
    upstream.onRequest = (connection, { stream }) => connection.answer(stream);
    for (const [connection, stream] of held) connection.answer(stream);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(7).fill(200));
    expect(upstream.connections.length).toBe(2);
  });

  it('is answered with 503 when no stream is free in time', async () => {
    const settings = { limits: { upstreamHttp2Connections: 1, upstreamStreams: 1, connectTime: '300ms' } };
    const { gateway, upstream } = await start(settings);
    upstream.onRequest = () => {};
    const first = connect(gateway.port).then((client) => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    await upstream.request();
    const { status, text } = await get(gateway);
    expect([status, text]).toEqual([503, expect.stringContaining('upstream-full')]);
    await first;
  });
});

describe('an upstream that speaks no HTTP/2', () => {
  it('has a fault of its own: one of HTTP/1.1, and one that does not choose h2 by ALPN', async () => {
    const old = createHttpServer((_request, response) => response.end('old'));
    const oldPort = await listen(old);
    const secure = createServer({ cert: pem('cert'), key: pem('key'), ALPNProtocols: ['http/1.1'] });
    const silent = createServer({ cert: pem('cert'), key: pem('key') });
    const ports = [await listen(secure), await listen(silent)];
    onTestFinished(() => void [old, secure, silent].forEach((server) => server.close()));
    for (const [url, cause] of [
      [`http://127.0.0.1:${oldPort}`, 'NO_SETTINGS'],
      [`https://127.0.0.1:${ports[0]}`, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
      [`https://127.0.0.1:${ports[1]}`, 'NO_ALPN'],
    ] as const) {
      const gateway = await startTestGateway(
        { app: url },
        { upstreamHttp2: true, upstreamTls: { insecure: true } },
      );
      const { status, text } = await get(gateway);
      expect([status, text]).toEqual([502, expect.stringContaining('upstream-not-http2')]);
      expect(gateway.log.at(-1)).toMatchObject({ fault: 'not-http2', cause });
    }
  });
});

describe('a body', () => {
  it('waits for the upstream’s window, and a full stream does not hold up its neighbours', async () => {
    const { gateway, upstream } = await start();
    upstream.settings = setting(4, 1000);
    upstream.onRequest = (connection, { stream, get: field }) => {
      if (field(':path') !== '/upload') connection.answer(stream);
    };
    const upload = fetch(`http://127.0.0.1:${gateway.port}/upload`, {
      method: 'POST',
      body: 'x'.repeat(5000),
    });
    const { stream } = await upstream.request();
    const [connection] = upstream.connections as [FrameConnection];
    const bytes = (): number =>
      connection.frames
        .filter((each) => each.type === 0 && each.stream === stream)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    // On a new connection what is sent before its SETTINGS may use the default window.
    await until('its first bytes', () => bytes() > 0);
    expect((await get(gateway)).text).toBe('ok');
    connection.write(frame(8, 0, stream, uint32(10_000)));
    await until('the rest', () => bytes() === 5000);
    connection.answer(stream, 'done');
    expect(await (await upload).text()).toBe('done');
  });

  it('of an answer that its client does not read stops at its window, and its neighbours go on', async () => {
    const { gateway, upstream } = await start();
    let sent = 0;
    let window = 0;
    upstream.onRequest = (connection, { stream, get: field }) => {
      if (field(':path') !== '/large') {
        connection.answer(stream);
        return;
      }
      window = connection.frames.find((each) => each.type === 4)!.payload.readUInt32BE(8);
      connection.write(frame(1, 4, stream, '\x88'));
      const more = (): void => {
        const credit = connection.frames
          .filter((each) => each.type === 8 && each.stream === stream)
          .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
        while (sent + 16_000 <= window + credit && sent < 40_000_000) {
          connection.write(frame(0, 0, stream, 'y'.repeat(16_000)));
          sent += 16_000;
        }
      };
      const timer = setInterval(more, 5);
      onTestFinished(() => clearInterval(timer));
    };
    const client = await connect(gateway.port);
    client.socket.pause();
    client.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    let before = -1;
    await until('it to stand still', () => {
      const isStill = sent === before && sent > 0;
      before = sent;
      return isStill;
    });
    expect(window).toBe(131_072);
    expect((await get(gateway)).text).toBe('ok');
    expect(sent).toBeLessThan(20_000_000);
  });
});

describe('time', () => {
  it('an answer that does not come is given up with CANCEL, and the connection asked whether it is there', async () => {
    const clock = createManualClock();
    const upstream = await FrameUpstream.start();
    upstream.onRequest = () => {};
    const gateway = await startTestGateway({ app: upstream.url }, { upstreamHttp2: true }, { clock });
    const late = request(gateway.port);
    const { stream } = await upstream.request();
    const [connection] = upstream.connections as [FrameConnection];
    clock.advance(60_300);
    expect((await late).status).toBe(504);
    expect((await connection.frame(3, stream)).payload).toEqual(Buffer.from([0, 0, 0, 8]));
    await connection.frame(6);
    // No answer to the PING: the next request has a connection of its own, and the old one goes.
    upstream.onRequest = (other, { stream: id }) => other.answer(id);
    expect((await request(gateway.port)).status).toBe(200);
    expect(upstream.connections.length).toBe(2);
    clock.advance(3300);
    await until('the dead connection to go', () => connection.isClosed);
  });
});
