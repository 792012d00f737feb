import { describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

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

const post = (fields: string, body = '0\r\n\r\n'): string =>
  `POST /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const get = (fields: string): string => `GET /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

describe('attack: two hops disagree about where a body ends', () => {
  it.each([
    ['a length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
    ['chunks and a length', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n')],
    ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
    ['chunked, then identity', post('Transfer-Encoding: chunked, identity\r\n')],
    ['identity', post('Transfer-Encoding: identity\r\n')],
    ['a coding that only resembles chunked', post('Transfer-Encoding: xchunked\r\n')],
    ['chunked with a parameter', post('Transfer-Encoding: chunked;a=b\r\n')],
    ['chunked behind a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n')],
    ['chunked in HTTP/1.0', `POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths that differ', post('Content-Length: 5\r\nContent-Length: 0\r\n')],
    ['two lengths alike', post('Content-Length: 5\r\nContent-Length: 5\r\n')],
    ['a list of lengths', post('Content-Length: 5, 5\r\n')],
    ['a signed length', post('Content-Length: +5\r\n')],
    ['a negative length', post('Content-Length: -5\r\n')],
    ['a hexadecimal length', post('Content-Length: 0x5\r\n')],
    ['a length with an exponent', post('Content-Length: 5e0\r\n')],
    ['a length in two parts', post('Content-Length: 5 0\r\n')],
    ['an empty length', post('Content-Length:\r\n')],
    ['a length beyond exact numbers', post('Content-Length: 18446744073709551621\r\n')],
  ])('%s: 400, and the connection ends', async (_name, bytes) => {
    expect(await refused(bytes)).toBe(400);
  });

  it('a coding before chunked is not implemented: 501, and the connection ends', async () => {
    expect(await refused(post('Transfer-Encoding: gzip, chunked\r\n'))).toBe(501);
  });
});

describe('attack: two hops disagree about where a field or a head ends', () => {
  it.each([
    ['lines that end in LF', 'GET /a HTTP/1.1\nHost: a\n\n'],
    ['one field that ends in LF', get('X-A: b\nTransfer-Encoding: chunked\r\n')],
    ['an empty line of LF', 'GET /a HTTP/1.1\r\nHost: a\r\n\n'],
    ['a bare CR in a value', get('X-A: b\rTransfer-Encoding: chunked\r\n')],
    ['CR CR LF', get('X-A: b\r\r\n')],
    ['NUL in a value', get('X-A: b\0c\r\n')],
    ['a control character in a value', get('X-A: b\x01c\r\n')],
    ['a folded line', get('X-A: b\r\n c: d\r\n')],
    ['a folded coding', post('Transfer-Encoding:\r\n chunked\r\n')],
    ['a first line that is folded', 'GET /a HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n'],
    ['a space before the colon', post('Transfer-Encoding : chunked\r\n')],
    ['a tab before the colon', post('Content-Length\t: 5\r\n')],
    ['a field without a name', get(': b\r\n')],
    ['a field without a colon', get('X-A\r\n')],
    ['a name that is no token', get('X(A): b\r\n')],
    ['a name beyond ASCII', get('X-\xe4: b\r\n')],
  ])('%s: 400, and the connection ends', async (_name, bytes) => {
    expect(await refused(bytes)).toBe(400);
  });
});

describe('attack: a request line that hops read differently', () => {
  it.each([
    ['a method in lower case', 'get /a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a method that is no token', 'GE(T /a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an endless method', `${'G'.repeat(40)} /a HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['a space before the method', ' GET /a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two spaces before the target', 'GET  /a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a tab instead of a space', 'GET\t/a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with a space', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target without a slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target beyond ASCII', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with a control character', 'GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an asterisk for a GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an authority for a GET', 'GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target of another scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with a user', 'GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n'],
    ['no version', 'GET /a\r\nHost: a\r\n\r\n'],
    ['a version in lower case', 'GET /a http/1.1\r\nHost: a\r\n\r\n'],
    ['something behind the version', 'GET /a HTTP/1.1 b\r\nHost: a\r\n\r\n'],
  ])('%s: 400, and the connection ends', async (_name, bytes) => {
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
  it.each([
    ['no Host', 'GET /a HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['two Hosts alike', 'GET /a HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n'],
    ['an empty Host', 'GET /a HTTP/1.1\r\nHost:\r\n\r\n'],
    ['an empty Host in HTTP/1.0', 'GET /a HTTP/1.0\r\nHost:\r\n\r\n'],
    ['a target in absolute form and two Hosts', 'GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['a list of Hosts', 'GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['a Host with a path', 'GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a Host with a user', 'GET /a HTTP/1.1\r\nHost: u@a\r\n\r\n'],
    ['a Host with a wrong port', 'GET /a HTTP/1.1\r\nHost: a:b\r\n\r\n'],
  ])('%s: 400, and the connection ends', async (_name, bytes) => {
    expect(await refused(bytes)).toBe(400);
  });
});

const BAD_CHUNKS: readonly (readonly [string, string])[] = [
  ['a size that is no number', 'xyz\r\nabc\r\n0\r\n\r\n'],
  ['a size with a space behind it', '3 \r\nabc\r\n0\r\n\r\n'],
  ['a size with a space before it', ' 3\r\nabc\r\n0\r\n\r\n'],
  ['a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a signed size', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a size of 14 digits', '00000000000003\r\nabc\r\n0\r\n\r\n'],
  ['an empty size', '\r\nabc\r\n0\r\n\r\n'],
  ['a size line that ends in LF', '3\nabc\r\n0\r\n\r\n'],
  ['a bare CR in a size line', '3\r\rabc\r\n0\r\n\r\n'],
  ['data longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
  ['no CR behind the data', '3\r\nabcd\n0\r\n\r\n'],
  ['data that ends in LF', '3\r\nabc\n0\r\n\r\n'],
  ['LF in an extension', '3;a\nb\r\nabc\r\n0\r\n\r\n'],
  ['an endless extension', `3;${'a'.repeat(300)}\r\nabc\r\n0\r\n\r\n`],
  ['a trailer with a space before the colon', '0\r\nX-A : b\r\n\r\n'],
  ['a folded trailer', '0\r\nX-A: b\r\n c\r\n\r\n'],
  ['a trailer that ends in LF', '0\r\nX-A: b\n\r\n'],
  ['no CR behind the last chunk', '0\r\n\n'],
];

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
  it.each([
    ['GET', `GET /slow?a=b HTTP/1.1\r\nHost: a.example:8080\r\nX-User-Id: u1\r\nCookie: a=b\r\n\r\n`, ''],
    ['a body with a length', 'POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
    [
      'chunks with an extension and a trailer',
      'POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n003;a="b"\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 9\r\n\r\n',
      'hello',
    ],
    ['an empty line first', '\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\n', ''],
    ['several empty lines first', '\r\n\r\n\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\n', ''],
    ['a target in absolute form', 'GET http://a/slow HTTP/1.1\r\nHost: a\r\n\r\n', ''],
    ['a target in absolute form, with another Host', 'GET http://b/slow HTTP/1.1\r\nHost: a\r\n\r\n', ''],
  ])('%s may come a byte at a time, twice on one connection', async (_name, bytes, body) => {
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
  });

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
