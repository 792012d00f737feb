import { readFileSync } from 'node:fs';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { frame, setting } from '../../src/proxy/http2/frames.js';
import { block, FrameClient, GET } from '../support/http2-frames.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstream, startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const LOCALHOST = { cert: file('../config/tls/cert.pem'), key: file('../config/tls/key.pem') };

const request1 = frame(1, 5, 1, block(...GET));

interface Answer {
  readonly headers: IncomingHttpHeaders & { readonly ':status'?: number | undefined };
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly code: number;
}

function open(gateway: TestGateway): ClientHttp2Session {
  const session = http2.connect(gateway.address.replace('localhost', '127.0.0.1'), {
    ca: readFileSync(LOCALHOST.cert),
  });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

function ask(
  session: ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined });
    let head: Answer['headers'] = {};
    let trailers: IncomingHttpHeaders | undefined;
    const chunks: Buffer[] = [];
    stream.on('response', (headers) => (head = headers));
    stream.on('trailers', (headers) => (trailers = headers));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('close', () =>
      resolve({ headers: head, body: Buffer.concat(chunks).toString(), trailers, code: stream.rstCode ?? 0 }),
    );
    session.once('error', reject);
    if (body !== undefined) stream.end(body);
  });
}

describe.each([
  ['over TLS, by ALPN', { http2: true, tls: LOCALHOST }],
  ['without TLS, by prior knowledge', { http2: true }],
])('HTTP/2 in front, %s', (_, settings) => {
  it('asks, answers, and keeps a user on one upstream by cookie', async () => {
    const upstreams = await startUpstreams(3);
    const gateway = await startTestGateway(upstreams, { ...settings, affinity: ['cookie'], expose: true });
    const session = open(gateway);
    const first = await ask(session, { ':path': '/a?b=c', 'x-one': '1' });
    expect(first.headers[':status']).toBe(200);
    expect(JSON.parse(first.body)).toMatchObject({
      method: 'GET',
      target: '/a?b=c',
      headers: { 'x-one': '1' },
    });
    const cookie = first.headers['set-cookie']![0]!.split(';')[0]!;
    for (let at = 0; at < 5; at++) {
      const again = await ask(session, { cookie: ['other=1', cookie] as unknown as string });
      expect(again.headers['x-upstream']).toBe(first.headers['x-upstream']);
      expect(again.headers['x-affinity']).toBe('bound by cookie');
    }
  });

  it('carries bodies both ways, whole and with any length', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], settings);
    const session = open(gateway);
    for (const size of [1, 16_384, 16_385, 300_000]) {
      const body = 'x'.repeat(size);
      const unknown = await ask(session, { ':method': 'POST' }, body);
      expect(JSON.parse(unknown.body)).toMatchObject({ bodyBytes: size });
      const known = await ask(session, { ':method': 'POST', 'content-length': size }, body);
      expect(JSON.parse(known.body)).toMatchObject({ bodyBytes: size });
    }
    expect(upstream.faults).toEqual([]);
    for (const framing of ['length', 'chunked', 'close'] as const) {
      upstream.behaviour = { kind: 'flood', bodyBytes: 1_000_000, framing };
      const answer = await ask(session);
      expect([answer.body.length, answer.code]).toEqual([1_000_000, 0]);
    }
  });

  it('serves many at once, and a slow reader holds nobody up', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], settings);
    const session = open(gateway);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => ask(session, { ':path': `/${at}` })),
    );
    expect(new Set(answers.map(({ body }) => (JSON.parse(body) as { target: string }).target)).size).toBe(
      100,
    );
    upstream.behaviour = ({ target }) =>
      target === '/flood' ? { kind: 'flood', bodyBytes: 50_000_000 } : { kind: 'answer', body: 'ok' };
    const slow = session.request({ ':path': '/flood' });
    slow.pause();
    await until('the flood to be held up', () => upstream.sentBytes > 0 && upstream.sentBytes < 20_000_000);
    for (let at = 0; at < 10; at++) expect((await ask(session)).body).toBe('ok');
    expect(upstream.sentBytes).toBeLessThan(20_000_000);
    slow.close();
  });

  it('shows a cut answer as cut', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], settings);
    for (const framing of ['length', 'chunked'] as const) {
      upstream.behaviour = { kind: 'cut', framing, sent: 'only this' };
      const answer = await ask(open(gateway));
      expect([answer.headers[':status'], answer.body, answer.code]).toEqual([
        200,
        'only this',
        http2.constants.NGHTTP2_INTERNAL_ERROR,
      ]);
    }
  });

  it('passes trailers and interim answers', async () => {
    const upstream = await startUpstream({
      behaviour: {
        kind: 'bytes',
        bytes:
          'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=b\r\n\r\n',
      },
    });
    const gateway = await startTestGateway([upstream], settings);
    const session = open(gateway);
    const stream = session.request({ ':path': '/' });
    const interim = new Promise((resolve) => stream.once('headers', resolve));
    const trailers = new Promise((resolve) => stream.once('trailers', resolve));
    stream.resume();
    expect(await interim).toMatchObject({ ':status': 103, link: '</a>' });
    expect(await trailers).toEqual(expect.objectContaining({ 'x-sum': '7' }));
    expect(await trailers).not.toHaveProperty('set-cookie');
  });

  it('answers HEAD, 204 and 304 without a body, and refuses with one', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], {
      ...settings,
      pools: { default: { upstreams: { 'api-1': upstream.url } } },
      routes: [{ match: { path: '/' }, pool: 'default', affinity: [] }],
    });
    const session = open(gateway);
    const head = await ask(session, { ':method': 'HEAD' });
    expect([head.headers[':status'], head.body, Number(head.headers['content-length']) > 0]).toEqual([
      200,
      '',
      true,
    ]);
    for (const status of [204, 304]) {
      upstream.behaviour = { kind: 'answer', status };
      expect(await ask(session)).toMatchObject({ headers: { ':status': status }, body: '', code: 0 });
    }
    upstream.behaviour = { kind: 'drop' };
    const refused = await ask(session, { ':method': 'POST' }, 'x');
    expect(refused).toMatchObject({ headers: { ':status': 502 }, code: 0 });
    expect(refused.body).toMatch(/^502 Bad Gateway: /);
    expect(refused.headers['date']).toBeDefined();
  });

  it('resets the upstream of a client that resets, and logs 499', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'silent' } });
    const gateway = await startTestGateway([upstream], settings);
    const session = open(gateway);
    const stream = session.request({ ':path': '/gone' });
    stream.on('error', () => {});
    await upstream.request();
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await until('the upstream to be left', () => upstream.connections === 0);
    await until('a line', () => gateway.log.find(({ status }) => status === 499));
  });

  it('lets HTTP/1.1 in on the same port', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], settings);
    if ('tls' in settings) {
      const client = await connect(gateway.port, { tls: { ALPNProtocols: ['http/1.1'] } });
      expect((await client.request()).status).toBe(200);
    } else expect((await request(gateway.port)).status).toBe(200);
  });
});

describe('HTTP/2', () => {
  it('is refused where it is not asked for', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { http2: false });
    const client = await connect(gateway.port);
    client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect((await client.response()).status).toBe(505);
  });

  it('goes in two steps: lets in what is on its way, then names the last request, and answers it', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'answer', body: 'slow', delayMs: 300 } });
    const gateway = await startTestGateway([upstream], { http2: true, shutdownGrace: '10s' });
    const client = FrameClient.open(gateway.port);
    client.write(request1);
    await upstream.request();
    const closed = gateway.close();
    const first = await client.frame(7);
    expect(first.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    // Sent before the first GOAWAY was read.
    client.write(frame(1, 5, 3, block(...GET)));
    await upstream.request(2);
    const ping = await client.frame(6);
    client.write(frame(6, 1, 0, ping.payload.toString('latin1')));
    const goAways = await until('the second GOAWAY', () => {
      const all = client.frames.filter(({ type }) => type === 7);
      return all.length === 2 ? all : undefined;
    });
    expect([goAways[1]!.payload.readUInt32BE(0), goAways[1]!.payload.readUInt32BE(4)]).toEqual([3, 0]);
    await client.closed();
    const ended = client.frames.filter(({ type, flags }) => type === 0 && flags === 1);
    expect(ended.map(({ stream }) => stream).sort()).toEqual([1, 3]);
    await closed;
  });

  it('goes although the client acknowledges nothing', async () => {
    const gateway = await startTestGateway([await startUpstream()], { http2: true, shutdownGrace: '10s' });
    const client = FrameClient.open(gateway.port);
    await client.frame(4);
    const closed = gateway.close();
    await client.closed();
    expect(client.frames.filter(({ type }) => type === 7)).toHaveLength(2);
    await closed;
  });

  it('says goodbye to a client that asks for nothing', async () => {
    const limits = { idleTime: '1s' };
    const gateway = await startTestGateway([await startUpstream()], { http2: true, limits });
    const client = FrameClient.open(gateway.port);
    const goAway = await client.frame(7);
    expect(goAway.payload.readUInt32BE(4)).toBe(0);
    await client.closed();
  });

  it('resets the stream of a client that takes nothing, and serves its others', async () => {
    const upstream = await startUpstream();
    const limits = { bodyIdleTime: '1s' };
    const gateway = await startTestGateway([upstream], { http2: true, limits });
    const client = FrameClient.open(gateway.port);
    client.write(frame(1, 5, 3, block(...GET)));
    await until('the other to be served', () =>
      client.frames.some(({ type, flags, stream }) => type === 0 && flags === 1 && stream === 3),
    );
    // From here on a new stream may send it nothing.
    client.write(frame(4, 0, 0, setting(4, 0)) + frame(1, 5, 5, block(...GET)));
    const reset = await client.frame(3, 5);
    expect(reset.payload.readUInt32BE(0)).toBe(http2.constants.NGHTTP2_CANCEL);
    expect(client.find(7)).toBeUndefined();
  });
});
