import { describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';
import {
  BAD_CHUNKS,
  GOOD_REQUESTS,
  ODD_FIELDS,
  ODD_FRAMING,
  ODD_HOSTS,
  ODD_LINES,
  get,
  post,
} from './odd-messages.js';

/** What an attacker wants an upstream to take for a request of its own. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

const upstream = await startUpstream();
const gateway = await startTestGateway([upstream]);

/**
 * Sends the bytes with a smuggled request behind them; the upstream must not see a byte of either, but for a
 * `head` that was good.
 */
async function refused(bytes: string, head: 'no head' | 'head' = 'no head'): Promise<number> {
  const before = upstream.seen.length;
  const client = await connect(gateway.port);
  client.write(bytes + SMUGGLED);
  const answer = await client.response();
  expect(answer.header('connection')).toBe('close');
  expect(await client.closed()).toBe('end');
  expect((await request(gateway.port, { target: '/canary' })).status).toBe(200);
  const whole = upstream.seen
    .slice(before)
    .filter((seen) => head === 'no head' || seen.isComplete || seen.target === '/smuggled');
  expect(whole.map((seen) => seen.target)).toEqual(['/canary']);
  expect(upstream.faults).toEqual([]);
  return answer.status;
}

describe('attack: two hops disagree about where a body ends', () => {
  it.each(ODD_FRAMING)('%s: 400, and the connection ends', async (_name, bytes) => {
    expect(await refused(bytes)).toBe(400);
  });

  it('a coding before chunked is not implemented: 501, and the connection ends', async () => {
    expect(await refused(post('Transfer-Encoding: gzip, chunked\r\n'))).toBe(501);
  });
});

describe('attack: two hops disagree about where a field or a head ends', () => {
  it.each(ODD_FIELDS)('%s: 400, and the connection ends', async (_name, bytes) => {
    expect(await refused(bytes)).toBe(400);
  });
});

describe('attack: a request line that hops read differently', () => {
  it.each(ODD_LINES)('%s: 400, and the connection ends', async (_name, bytes) => {
    expect(await refused(bytes)).toBe(400);
  });

  it.each(['HTTP/2.0', 'HTTP/1.2', 'HTTP/0.9'])(
    '%s is a version that is not spoken here: 505',
    async (version) => {
      expect(await refused(`GET /a ${version}\r\nHost: a\r\n\r\n`)).toBe(505);
    },
  );
});

describe('attack: two hops route by different hosts', () => {
  it.each(ODD_HOSTS)('%s: 400, and the connection ends', async (_name, bytes) => {
    expect(await refused(bytes)).toBe(400);
  });
});

describe('attack: a chunk that hops measure differently', () => {
  it.each(BAD_CHUNKS)('%s: 400, and no request of it arrives', async (_name, body) => {
    expect(await refused(post('Transfer-Encoding: chunked\r\n', body), 'head')).toBe(400);
  });

  it.each(BAD_CHUNKS)(
    '%s, behind a chunk that is on its way already: 400, and the upstream sees the request cut',
    async (_name, body) => {
      const before = upstream.seen.length;
      const client = await connect(gateway.port);
      client.write(post('Transfer-Encoding: chunked\r\n', '4\r\ngood\r\n'));
      const seen = await until('the good chunk upstream', () =>
        upstream.seen[before]?.bodyBytes === 4 ? upstream.seen[before] : undefined,
      );
      const { connections } = upstream;
      client.write(body + SMUGGLED);
      expect((await client.response()).status).toBe(400);
      expect(await client.closed()).toBe('end');
      await until('the upstream connection to be gone', () => upstream.connections < connections);
      expect(seen).toMatchObject({ isComplete: false, bodyBytes: 4 });
      expect((await request(gateway.port, { target: '/canary' })).status).toBe(200);
      expect(upstream.seen.slice(before).map(({ target }) => target)).toEqual(['/a', '/canary']);
    },
  );
});

describe('strict is not deaf', () => {
  it.each(GOOD_REQUESTS)(
    '%s may come a byte at a time, twice on one connection',
    async (_name, bytes, body) => {
      const client = await connect(gateway.port);
      client.socket.setNoDelay(true);
      for (let turn = 0; turn < 2; turn++) {
        for (const byte of bytes) {
          client.write(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const answer = await client.response();
        expect(answer.status).toBe(200);
        expect(answer.json()).toMatchObject({ target: expect.stringMatching(/^\/slow/) as string, body });
      }
      expect(upstream.faults).toEqual([]);
    },
  );

  it('OPTIONS may ask about the server as a whole', async () => {
    expect((await request(gateway.port, { method: 'OPTIONS', target: '*' })).json()).toMatchObject({
      method: 'OPTIONS',
      target: '*',
    });
  });

  it('methods that nobody registered pass, CONNECT and TRACE do not', async () => {
    expect((await request(gateway.port, { method: 'PURGE' })).json()).toMatchObject({ method: 'PURGE' });
    expect((await request(gateway.port, { method: 'TRACE' })).status).toBe(405);
    expect((await request(gateway.port, { method: 'CONNECT', target: 'test.example:443' })).status).toBe(405);
  });

  it('behind CONNECT no request follows: what a tunnel would carry is not read as one', async () => {
    const before = upstream.seen.length;
    const client = await connect(gateway.port);
    client.write(`CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n${SMUGGLED}`);
    const answer = await client.response();
    expect([answer.status, answer.header('connection')]).toEqual([405, 'close']);
    expect(await client.closed()).toBe('end');
    expect(upstream.seen.length).toBe(before);
  });

  it.each([
    ['a bad field', 'HEAD /a HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n', 400],
    ['no Host', 'HEAD /a HTTP/1.1\r\n\r\n', 400],
    ['a bare LF, before it is whole', 'HEAD /a HTTP/1.1\n', 400],
    ['another version', 'HEAD /a HTTP/3.0\r\nHost: a\r\n\r\n', 505],
    ['too much', `HEAD /a HTTP/1.1\r\nX-A: ${'a'.repeat(40_000)}`, 431],
  ])('HEAD with %s is refused without a body', async (_name, bytes, status) => {
    const client = await connect(gateway.port);
    client.expect('HEAD');
    client.write(bytes);
    const answer = await client.response();
    expect([answer.status, answer.body.length]).toEqual([status, 0]);
    expect(Number(answer.header('content-length'))).toBeGreaterThan(10);
    expect(await client.closed()).toBe('end');
    expect(client.received.endsWith('\r\n\r\n')).toBe(true);
  });

  it.each(['h2c', 'HTTP/2.0', 'TLS/1.0', 'websocket, h2c', 'h2c, websocket'])(
    'attack: requests that go past the router in %s, behind an upgrade',
    async (protocol) => {
      const answer = await request(gateway.port, {
        headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: protocol, 'HTTP2-Settings': 'AAMAAABk' },
      });
      expect(answer.status).toBe(200);
      const { headers } = answer.json() as { headers: Record<string, string> };
      expect([headers['upgrade'], headers['connection'], headers['http2-settings']]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    },
  );

  it('an expectation that nobody knows is refused', async () => {
    expect(await refused(get('Expect: the-best\r\n'))).toBe(417);
  });
});
