import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';

const upstream = await startUpstream();
const pool = { upstreams: { [upstream.id]: upstream.url } };
const gateway = await startTestGateway([upstream], {
  pools: { api: pool },
  routes: [{ match: { path: '/api' }, pool: 'api', affinity: [] }],
});
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n';
const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\n\r\nhello';

describe('HTTP/1.0 clients', () => {
  it('are answered and let go, also without a Host, which the upstream gets nevertheless', async () => {
    upstream.behaviour = { kind: 'answer' };
    const client = await connect(gateway.port);
    client.write('GET /api HTTP/1.0\r\n\r\n');
    const answer = await client.response();
    expect([answer.status, answer.header('connection')]).toEqual([200, 'close']);
    expect(await client.closed()).toBe('end');
    expect(upstream.seen.at(-1)).toMatchObject({ version: 'HTTP/1.1' });
    expect(upstream.seen.at(-1)!.header('host')).toBe(`127.0.0.1:${upstream.port}`);
  });

  it('keep their connection when they ask for it', async () => {
    upstream.behaviour = { kind: 'answer' };
    const client = await connect(gateway.port);
    for (let turn = 0; turn < 3; turn++) {
      client.write('POST /api HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na');
      expect((await client.response()).header('connection')).toBe('keep-alive');
    }
  });

  it.each([
    ['chunks', { bytes: CHUNKED }],
    ['an answer that ends with its connection', { bytes: UNTIL_CLOSE, closes: true }],
  ])('get %s as plain bytes until the end', async (_name, bytes) => {
    upstream.behaviour = { kind: 'bytes', ...bytes };
    const client = await connect(gateway.port);
    client.write('GET /api HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(await client.closed()).toBe('end');
    const answer = await client.response();
    expect([answer.framing, answer.text(), answer.header('connection')]).toEqual(['close', 'hello', 'close']);
  });
});

describe('upstreams', () => {
  it('whose answer ends with the connection are chunked for HTTP/1.1 clients, which keep theirs', async () => {
    upstream.behaviour = { kind: 'bytes', bytes: UNTIL_CLOSE, closes: true };
    const client = await connect(gateway.port);
    for (let turn = 0; turn < 2; turn++) {
      const answer = await client.request({ target: '/api' });
      expect([answer.framing, answer.text(), answer.header('connection')]).toEqual([
        'chunked',
        'hello',
        undefined,
      ]);
    }
  });

  it.each([
    ['HTTP/1.0 closes', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 2],
    [
      'HTTP/1.0 with keep-alive stays',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
      1,
    ],
    [
      'Connection: close is believed',
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
      2,
    ],
    ['HTTP/1.1 stays', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 1],
  ])('%s', async (_name, bytes, connections) => {
    upstream.behaviour = { kind: 'bytes', bytes };
    upstream.dropConnections();
    const before = upstream.accepted;
    const client = await connect(gateway.port);
    for (let turn = 0; turn < 2; turn++) expect((await client.request({ target: '/api' })).text()).toBe('ok');
    expect(upstream.accepted - before).toBe(connections);
  });

  it("that speak HTTP/1.0 can't send chunks: 502", async () => {
    upstream.behaviour = {
      kind: 'bytes',
      bytes: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    };
    expect((await request(gateway.port, { target: '/api' })).status).toBe(502);
  });
});

describe('pipelining', () => {
  const pipelined = Array.from({ length: 50 }, (_, at) =>
    at % 7 === 3
      ? `GET /elsewhere/${at} HTTP/1.1\r\nHost: a\r\n\r\n`
      : at % 5 === 2
        ? `POST /api/${at} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`
        : `GET /api/${at} HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const expected = pipelined.map((_, at) => (at % 7 === 3 ? '404 Not Found: no-route\n' : `/api/${at}`));

  it.each([
    ['at once', pipelined.join('').length],
    ['in odd pieces', 37],
  ])('50 requests %s, some of them refused, are answered in order', async (_name, pieceBytes) => {
    upstream.behaviour = (seen) => ({ kind: 'answer', body: seen.target });
    const client = await connect(gateway.port);
    const text = pipelined.join('');
    for (let at = 0; at < text.length; at += pieceBytes) {
      client.write(text.slice(at, at + pieceBytes));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const answers: string[] = [];
    for (let count = 0; count < 50; count++) answers.push((await client.response()).text());
    expect(answers).toEqual(expected);
    expect(upstream.faults).toEqual([]);
  });

  it.each([1, 2, 5])(
    'a client that ends its half behind them gets all answers (%i pieces)',
    async (pieces) => {
      upstream.behaviour = (seen) => ({ kind: 'answer', body: seen.target });
      const client = await connect(gateway.port);
      const size = Math.ceil(pipelined.length / pieces);
      for (let at = 0; at < pipelined.length; at += size) {
        client.write(pipelined.slice(at, at + size).join(''));
        if (at + size < pipelined.length) await new Promise((resolve) => setImmediate(resolve));
      }
      client.end();
      const answers: string[] = [];
      for (let count = 0; count < 50; count++) answers.push((await client.response()).text());
      expect(answers).toEqual(expected);
      expect(await client.closed()).toBe('end');
    },
  );

  it('nothing behind Connection: close is answered or passed on', async () => {
    const before = upstream.requests;
    const client = await connect(gateway.port);
    client.write(
      'GET /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /api/more HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect((await client.response()).header('connection')).toBe('close');
    expect(await client.closed()).toBe('end');
    expect(upstream.requests - before).toBe(1);
  });

  it('what stands behind a refused body is not taken for a request', async () => {
    const before = upstream.requests;
    const client = await connect(gateway.port);
    client.write(
      'POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nGET /api HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect((await client.response()).status).toBe(404);
    expect(await client.closed()).toBe('end');
    expect(upstream.requests).toBe(before);
  });
});

describe('a crowd of new connections', () => {
  it('is taken before those that came first have had many answers each', async () => {
    const CROWD = 300;
    const REQUEST = 'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n';
    const answers = new Array<number>(CROWD).fill(0);
    let late = CROWD;
    const sockets = answers.map((_, at) => {
      const socket = connectTcp({ port: gateway.port, host: '127.0.0.1' });
      socket.on('data', () => {
        answers[at]!++;
        if (answers[at] === 1) late--;
        // The crowd never rests until everybody was served.
        if (late > 0) socket.write(REQUEST);
      });
      socket.write(REQUEST);
      return socket;
    });
    await until('everybody to have an answer', () => late === 0, 20_000);
    for (const socket of sockets) socket.destroy();
    const sum = answers.reduce((one, other) => one + other);
    console.log(`${sum} answers to ${CROWD}`);
    expect(sum).toBeLessThan(8 * CROWD);
  });
});
