import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { connect } from '../support/raw-client.js';
import { startUpstream, startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';

describe('a client that ends its half', () => {
  it('gets its answer, also a late one', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'answer', body: 'late', delayMs: 50 } });
    const client = await connect((await startTestGateway([upstream])).port);
    client.send({ method: 'POST', body: 'hello' });
    client.end();
    const answer = await client.response();
    expect([answer.text(), answer.header('connection')]).toEqual(['late', 'close']);
    expect(await client.closed()).toBe('end');
  });

  it.each([
    ['a body with a length', 'Content-Length: 10\r\n\r\nhello'],
    ['a body in chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ])('inside %s is given up on, and the upstream sees the request cut', async (_name, rest) => {
    const upstream = await startUpstream();
    const client = await connect((await startTestGateway([upstream])).port);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    await until('the beginning to arrive', () => upstream.seen[0]?.bodyBytes === 5);
    client.end();
    await client.closed();
    expect(client.received).toBe('');
    await until('the upstream to be rid of it', () => upstream.connections === 0);
    expect(upstream.seen).toMatchObject([{ isComplete: false }]);
  });

  it('inside a request that waits behind another gets the answer to that one', async () => {
    const upstream = await startUpstream({
      behaviour: (seen) =>
        seen.method === 'GET' ? { kind: 'answer', body: 'first', delayMs: 30 } : { kind: 'answer' },
    });
    const client = await connect((await startTestGateway([upstream])).port);
    client.write(
      'GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello',
    );
    client.end();
    expect((await client.response()).text()).toBe('first');
    await client.closed();
    expect(upstream.seen.filter((seen) => seen.isComplete)).toHaveLength(1);
  });

  it('inside a head is given up on', async () => {
    const upstream = await startUpstream();
    const client = await connect((await startTestGateway([upstream])).port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n');
    client.end();
    await client.closed();
    expect([client.received, upstream.accepted]).toEqual(['', 0]);
  });
});

describe('a client that goes away', () => {
  it.each([
    ['before the answer', { kind: 'silent' } as const, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [
      'inside its body',
      { kind: 'answer' } as const,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello',
    ],
    [
      'inside the answer',
      { kind: 'flood', bodyBytes: 100_000_000 } as const,
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
  ])(
    '%s: the upstream is told by a cut connection, nobody else is asked, and the log says 499',
    async (_name, behaviour, bytes) => {
      const [first, second] = await startUpstreams(2);
      first!.behaviour = behaviour;
      const gateway = await startTestGateway([first!, second!]);
      const client = await connect(gateway.port);
      client.write(bytes);
      await until('the request', () => first!.requests === 1 && first!.connections === 1);
      client.reset();
      await until('the upstream to lose the connection', () => first!.connections === 0);
      await until('a line in the log', () => gateway.log.length === 1);
      expect(gateway.log).toMatchObject([{ status: 499, upstream: first!.id, tries: 1 }]);
      expect(second!.requests).toBe(0);
    },
  );
});

describe('an answer that is whole before its request', () => {
  it('reaches the client, which is let go without a reset; the upstream connection is not used again', async () => {
    const upstream = await startUpstream({
      behaviour: { kind: 'bytes', at: 'head', bytes: 'HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno' },
    });
    const gateway = await startTestGateway([upstream]);
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n');
    const answer = await client.response();
    expect([answer.status, answer.text(), answer.header('connection')]).toEqual([401, 'no', 'close']);
    for (let sent = 0; sent < 5_000_000; sent += 100_000) client.write(Buffer.alloc(100_000));
    expect(await client.closed()).toBe('end');
    const next = await connect(gateway.port);
    await next.request();
    expect(upstream.accepted).toBe(2);
  });

  it('that goes on with its body while the request does is streamed both ways', async () => {
    const echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n');
        socket.write(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
        socket.pipe(socket);
      });
    });
    const port = await freePort();
    await new Promise<void>((resolve) => echo.listen(port, '127.0.0.1', resolve));
    afterAll(() => void echo.close());
    const gateway = await startTestGateway({ echo: `http://127.0.0.1:${port}` });
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n');
    for (const part of ['one..', 'two..', 'three']) {
      client.write(part);
      await until(part, () => client.received.endsWith(part));
    }
    expect((await client.response()).text()).toBe('one..two..three');
    client.destroy();
    await gateway.close();
  });
});

describe('a body that is cut short upstream', () => {
  const server = createServer((socket: Socket) => {
    sockets.push(socket.on('error', () => {}));
    socket.once('data', (bytes) => socket.write(HEADS[/^GET \/(\w+)/.exec(bytes.toString())![1]!]!));
  });
  const sockets: Socket[] = [];
  const HEADS: Readonly<Record<string, string>> = {
    length: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello',
    chunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    neither: 'HTTP/1.1 200 OK\r\n\r\nhello',
  };
  let port = 0;
  beforeAll(async () => {
    const listening = await freePort();
    await new Promise<void>((resolve) => server.listen(listening, '127.0.0.1', resolve));
    port = (await startTestGateway({ cut: `http://127.0.0.1:${listening}` })).port;
  });
  afterAll(() => void server.close());

  describe.each(['HTTP/1.1', 'HTTP/1.0'])('for a client of %s', (version) => {
    it.each<[string, string, (socket: Socket) => void]>([
      ['a length, in order', 'length', (socket) => socket.end()],
      ['a length, by reset', 'length', (socket) => socket.resetAndDestroy()],
      ['chunks, in order', 'chunks', (socket) => socket.end()],
      ['chunks, by reset', 'chunks', (socket) => socket.resetAndDestroy()],
      ['chunks without the last empty line', 'chunks', (socket) => socket.end('0\r\n')],
      ['chunks that are none', 'chunks', (socket) => socket.write('zz\r\n')],
      ['neither, by reset', 'neither', (socket) => socket.resetAndDestroy()],
    ])('%s: it does not look whole, and nothing of it is lost', async (_name, target, cut) => {
      const client = await connect(port);
      client.write(`GET /${target} ${version}\r\nHost: a\r\n\r\n`);
      // Linux tells libuv of bytes and of a reset at once, and libuv takes that for an end in order: so one
      // after the other.
      await until('the beginning of the body', () => client.received.includes('hello'));
      cut(sockets.at(-1)!);
      // A reset throws away what the client has not read yet: only where an end would look like the end of
      // the body is there no other way.
      const showsCut = target === 'length' || version === 'HTTP/1.1';
      expect(await client.closed()).toBe(showsCut ? 'end' : 'reset');
      expect(client.received).not.toMatch(/0\r\n\r\n$/);
    });
  });

  it.each(['length', 'chunked'] as const)(
    'with a %s: a client that reads late gets all that had arrived',
    async (framing) => {
      const upstream = await startUpstream({
        behaviour: { kind: 'cut', framing, sent: 'x'.repeat(1_000_000), isReset: false },
      });
      const client = await connect((await startTestGateway([upstream])).port);
      client.socket.pause();
      client.send();
      await until('the cut', () => upstream.requests === 1 && upstream.connections === 0);
      client.socket.resume();
      expect(await client.closed()).toBe('end');
      expect(client.received.match(/x/g)!.length).toBeGreaterThanOrEqual(1_000_000);
    },
  );
});
