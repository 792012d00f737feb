import { createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { connect, request, type RawClient } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';

/** An upstream that answers with a head and leaves the rest to the test. */
async function startStream(
  head: string,
): Promise<{ client: RawClient; upstream: Socket; end(): Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', () => {
        socket.write(head);
        sockets.push(socket);
      });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  afterAll(() => void server.close());
  const gateway = await startTestGateway({ stream: `http://127.0.0.1:${port}` });
  const client = await connect(gateway.port);
  client.send();
  return {
    client,
    upstream: await until('the head to be sent', () => sockets[0]),
    end: () => gateway.close(),
  };
}

const upstream = await startUpstream();
const gateway = await startTestGateway([upstream]);

describe('an event stream', () => {
  it.each([
    [
      'in chunks',
      'Transfer-Encoding: chunked\r\n',
      (event: string) => `${event.length.toString(16)}\r\n${event}\r\n`,
    ],
    ['until the connection ends', '', (event: string) => event],
  ])('%s: each event arrives before the next one is sent', async (_name, fields, framed) => {
    const {
      client,
      upstream: source,
      end,
    } = await startStream(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${fields}\r\n`);
    await until('the head', () => client.received.includes('text/event-stream'));
    for (let count = 1; count <= 5; count++) {
      source.write(framed(`data: ${count}\n\n`));
      await until(`event ${count}`, () => client.received.includes(`data: ${count}\n\n`));
    }
    client.destroy();
    await until('the upstream to hear that nobody listens', () => {
      source.write(framed('data: more\n\n'));
      return source.destroyed;
    });
    await end();
  });
});

describe('bodies in chunks', () => {
  it('go up and down with what they hold, their trailers too', async () => {
    upstream.behaviour = {
      kind: 'bytes',
      bytes:
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n00002\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n',
    };
    const client = await connect(gateway.port);
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n',
    );
    const answer = await client.response();
    expect([answer.framing, answer.text(), answer.trailers]).toEqual(['chunked', 'abcde', [['X-Sum', '5']]]);
    expect(upstream.seen.at(-1)).toMatchObject({ bodyBytes: 11, trailers: [['X-Sum', '11']] });
    expect(upstream.seen.at(-1)!.body.toString()).toBe('hello world');
  });

  it('attack: a trailer brings in late what was checked early', async () => {
    upstream.behaviour = { kind: 'answer' };
    const client = await connect(gateway.port);
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\nContent-Length: 5\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Basic x\r\nCookie: a=b\r\nX-Good: 1\r\n\r\n',
    );
    await client.response();
    expect(upstream.seen.at(-1)!.trailers).toEqual([['X-Good', '1']]);
  });

  it('each chunk of an upload arrives before the next one is sent', async () => {
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const before = upstream.requests;
    for (let count = 1; count <= 5; count++) {
      client.write('3\r\nabc\r\n');
      await until(
        `chunk ${count}`,
        () => (upstream.seen.at(-1)?.bodyBytes ?? 0) === count * 3 && upstream.requests >= before,
      );
    }
    client.write('0\r\n\r\n');
    expect((await client.response()).status).toBe(200);
  });

  it('large ones keep every byte', async () => {
    const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 8)) & 255));
    upstream.behaviour = { kind: 'answer', body, isChunked: true };
    expect((await request(gateway.port, { method: 'POST', body })).body.equals(body)).toBe(true);
    expect(upstream.seen.at(-1)).toMatchObject({ bodyBytes: body.length, isComplete: true });
  });
});

describe('interim answers', () => {
  it('100-continue: the body waits for it, and it comes from the upstream', async () => {
    upstream.behaviour = { kind: 'answer' };
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    expect((await client.response()).status).toBe(100);
    expect(upstream.seen.at(-1)!.isComplete).toBe(false);
    client.write('hello');
    expect((await client.response()).json()).toMatchObject({ body: 'hello' });
  });

  it('an upstream that refuses instead of 100: the answer comes without the body, and the connection ends', async () => {
    upstream.behaviour = {
      kind: 'bytes',
      at: 'head',
      bytes: 'HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n',
    };
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    const answer = await client.response();
    expect([answer.status, answer.header('connection')]).toEqual([413, 'close']);
    expect(await client.closed()).toBe('end');
  });

  it('103 goes on with its fields, several of them in order, before the answer', async () => {
    upstream.behaviour = {
      kind: 'informational',
      statuses: [103, 103],
      headers: [
        ['Link', '</a.css>; rel=preload'],
        ['Connection', 'X-Hop'],
        ['X-Hop', '1'],
      ],
    };
    const client = await connect(gateway.port);
    client.send();
    for (let count = 0; count < 2; count++) {
      const early = await client.response();
      expect([early.status, early.fields]).toEqual([103, [['Link', '</a.css>; rel=preload']]]);
    }
    expect((await client.response()).status).toBe(200);
  });

  it('an HTTP/1.0 client gets none', async () => {
    const client = await connect(gateway.port);
    client.write('GET / HTTP/1.0\r\n\r\n');
    expect((await client.response()).status).toBe(200);
  });
});

describe('answers without a body', () => {
  it.each([
    ['HEAD with a length', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', '1000'],
    ['HEAD with chunks', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', undefined],
    ['HEAD without either', 'HEAD', 'HTTP/1.1 200 OK\r\n\r\n', undefined],
    [
      '304 with a length',
      'GET',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "a"\r\n\r\n',
      '1000',
    ],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', undefined],
    [
      '204 with a length, which it must not have',
      'GET',
      'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
      undefined,
    ],
    ['a status without a reason', 'GET', 'HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n', '0'],
  ])('%s: the next answer follows on the same connections', async (_name, method, bytes, length) => {
    upstream.behaviour = { kind: 'bytes', bytes };
    const client = await connect(gateway.port);
    const answer = await client.request({ method });
    expect([answer.header('content-length'), answer.body.length]).toEqual([length, 0]);
    const { accepted } = upstream;
    upstream.behaviour = { kind: 'answer', body: 'next' };
    expect((await client.request()).text()).toBe('next');
    expect(upstream.accepted).toBe(accepted);
  });

  it('a refusal of the gateway has none for HEAD', async () => {
    upstream.behaviour = { kind: 'bytes', bytes: 'no HTTP\r\n\r\n' };
    const client = await connect(gateway.port);
    const answer = await client.request({ method: 'HEAD' });
    expect([answer.status, answer.body.length]).toEqual([502, 0]);
    upstream.behaviour = { kind: 'answer', body: 'next' };
    expect((await client.request()).text()).toBe('next');
  });
});
