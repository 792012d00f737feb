import { describe, expect, it } from 'vitest';
import { cutsOf, pieces } from '../support/cuts.js';
import { MemoryGateway, OK, type Answer, type Conversation } from '../proxy/memory-gateway.js';

/**
 * What a recipient must accept and what an intermediary must do, by RFC 9110 and RFC 9112, as a list: the
 * section, what it asks for, what is sent, and what must come of it. Each row runs whole and byte by byte.
 */
interface Row {
  readonly section: string;
  readonly asks: string;
  readonly request?: string;
  readonly answer?: string;
  readonly closes?: boolean;
  readonly trusted?: boolean;
  /** Must stand in what the upstream gets, and must not. */
  readonly up?: readonly (string | RegExp)[];
  readonly notUp?: readonly (string | RegExp)[];
  /** The same for what the client gets. */
  readonly down?: readonly (string | RegExp)[];
  readonly notDown?: readonly (string | RegExp)[];
}

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const get = (lines: string): string => `GET /a HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const post = (lines: string, body: string): string => `POST /a HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`;
const answer = (lines: string, body = ''): string => `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`;
const REFUSED = /^HTTP\/1\.1 400 /;

const REQUESTS: readonly Row[] = [
  {
    section: '9112 2.2',
    asks: 'ignore empty lines before a request',
    request: `\r\n\r\n${GET}`,
    up: [/^GET \/a /],
  },
  { section: '9112 2.2', asks: 'refuse a bare CR', request: get('X-A: b\rc\r\n'), down: [REFUSED] },
  {
    section: '9112 2.2',
    asks: 'refuse blanks before the first field',
    request: 'GET / HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n',
    down: [REFUSED],
  },
  {
    section: '9112 2.3',
    asks: 'speak for itself: its own version',
    request: 'GET /a HTTP/1.0\r\nHost: a\r\n\r\n',
    up: ['GET /a HTTP/1.1\r\n'],
    down: [/^HTTP\/1\.1 200/],
  },
  {
    section: '9110 15.6.6',
    asks: '505 for another major version',
    request: 'GET / HTTP/2.0\r\nHost: a\r\n\r\n',
    down: [/^HTTP\/1\.1 505 /],
  },
  {
    section: '9112 3',
    asks: 'refuse blanks in a target',
    request: 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n',
    down: [REFUSED],
  },
  { section: '9112 3.2', asks: '400 without Host', request: 'GET / HTTP/1.1\r\n\r\n', down: [REFUSED] },
  { section: '9112 3.2', asks: '400 for two Hosts', request: get('Host: a\r\n'), down: [REFUSED] },
  {
    section: '9112 3.2',
    asks: '400 for a bad Host',
    request: 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
    down: [REFUSED],
  },
  {
    section: '9112 3.2.2',
    asks: 'accept absolute form, and ignore Host',
    request: 'GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n',
    up: ['GET /x HTTP/1.1\r\nHost: b\r\n'],
    notUp: ['Host: a\r\n'],
  },
  {
    section: '9112 3.2.4',
    asks: 'asterisk form for OPTIONS alone',
    request: 'GET * HTTP/1.1\r\nHost: a\r\n\r\n',
    down: [REFUSED],
  },
  {
    section: '9112 3.2.4',
    asks: 'an absolute OPTIONS without a path becomes *',
    request: 'OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n',
    up: ['OPTIONS * HTTP/1.1'],
  },
  {
    section: '9112 5',
    asks: 'field names in any case',
    request: 'GET /a HTTP/1.1\r\nhOST: a\r\n\r\n',
    up: ['hOST: a\r\n'],
  },
  {
    section: '9112 5.1',
    asks: '400 for a blank before a colon',
    request: get('X-A : b\r\n'),
    down: [REFUSED],
  },
  {
    section: '9112 5.1',
    asks: 'blanks around a value are no part of it',
    request: post('Content-Length: \t5 \r\n', 'hello'),
    up: ['Content-Length: 5\r\n'],
  },
  { section: '9112 5.2', asks: 'refuse a folded line', request: get('X-A: b\r\n c\r\n'), down: [REFUSED] },
  {
    section: '9112 6.1',
    asks: 'close after both framings, as an attack',
    request: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    down: [REFUSED, 'Connection: close\r\n'],
  },
  {
    section: '9112 6.1',
    asks: '501 for an unknown coding',
    request: post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    down: [/^HTTP\/1\.1 501 /],
  },
  {
    section: '9112 6.1',
    asks: 'codings in any case',
    request: post('Transfer-Encoding: CHUNKED\r\n', '0\r\n\r\n'),
    up: ['Transfer-Encoding: chunked\r\n'],
  },
  {
    section: '9112 6.3',
    asks: '400 where chunked is not last',
    request: post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'),
    down: [REFUSED],
  },
  {
    section: '9112 6.3',
    asks: '400 for lengths that differ',
    request: post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello'),
    down: [REFUSED],
  },
  {
    section: '9112 6.3',
    asks: 'no body without a framing',
    request: 'POST /a HTTP/1.1\r\nHost: a\r\n\r\n',
    up: [/^POST \/a /],
    down: [/^HTTP\/1\.1 200/],
  },
  {
    section: '9112 7.1',
    asks: 'zeros before a size, and sizes in any case',
    request: post('Transfer-Encoding: chunked\r\n', '000A\r\n0123456789\r\n0\r\n\r\n'),
    up: ['\r\n\r\na\r\n0123456789\r\n0\r\n\r\n'],
  },
  {
    section: '9112 7.1.1',
    asks: 'ignore unknown extensions',
    request: post('Transfer-Encoding: chunked\r\n', '5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'),
    up: ['\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  },
  {
    section: '9112 7.1.2',
    asks: 'pass trailers on or discard them',
    request: post('Transfer-Encoding: chunked\r\n', '0\r\nX-Sum: 1\r\n\r\n'),
    up: ['0\r\nX-Sum: 1\r\n\r\n'],
  },
  {
    section: '9110 6.5.1',
    asks: 'no framing or routing in trailers',
    request: post(
      'Transfer-Encoding: chunked\r\n',
      '0\r\nHost: b\r\nContent-Length: 3\r\nAuthorization: a\r\n\r\n',
    ),
    notUp: ['Host: b', 'Content-Length', 'Authorization'],
  },
  {
    section: '9110 7.6.1',
    asks: 'remove what Connection names',
    request: get('Connection: X-One\r\nX-One: 1\r\nX-Two: 2\r\n'),
    up: ['X-Two: 2\r\n'],
    notUp: ['X-One', 'Connection'],
  },
  {
    section: '9110 7.6.1',
    asks: 'remove Proxy-Connection, Keep-Alive, TE',
    request: get('Proxy-Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n'),
    notUp: ['Keep-Alive', 'Proxy-Connection', 'TE:'],
  },
  {
    section: '9110 7.8',
    asks: 'Upgrade only with Connection: upgrade',
    request: get('Upgrade: websocket\r\n'),
    notUp: ['Upgrade'],
  },
  {
    section: '9110 10.1.1',
    asks: '417 for an unknown expectation',
    request: get('Expect: 200-ok\r\n'),
    down: [/^HTTP\/1\.1 417 /],
  },
  {
    section: '9110 9.3.6',
    asks: 'close behind a refused CONNECT',
    request: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
    down: [/^HTTP\/1\.1 405 /, 'Connection: close\r\n'],
  },
  {
    section: '9110 15.5.6',
    asks: 'Allow with 405',
    request: 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n',
    down: [/^Allow: /m],
  },
  {
    section: '9110 9.1',
    asks: 'methods nobody registered',
    request: 'PURGE /a HTTP/1.1\r\nHost: a\r\n\r\n',
    up: [/^PURGE \/a /],
  },
  {
    section: '9110 9.1',
    asks: 'methods are told by their case',
    request: 'get /a HTTP/1.1\r\nHost: a\r\n\r\n',
    down: [REFUSED],
  },
  {
    section: '9110 9.3.2',
    asks: 'no body in a refused HEAD',
    request: 'HEAD / HTTP/1.1\r\n\r\n',
    down: [/^HTTP\/1\.1 400 [^]*\r\n\r\n$/],
  },
  {
    section: '9110 6.6.1',
    asks: 'a Date in its own answers',
    request: 'GET / HTTP/1.1\r\n\r\n',
    down: [/^Date: Tue, 14 Nov 2023 22:13:20 GMT\r$/m],
  },
  {
    section: '9112 9.3',
    asks: 'close as the client asked',
    request: get('Connection: close\r\n'),
    down: ['Connection: close\r\n'],
  },
  {
    section: '9112 9.3',
    asks: 'HTTP/1.0 goes on when it asks to',
    request: 'GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\nHost: a\r\n\r\n',
    up: ['GET /a ', 'GET /b '],
  },
  {
    section: '9112 9.3.2',
    asks: 'answer pipelined requests in order',
    request: `${GET}GET /b HTTP/1.1\r\nHost: a\r\n\r\n`,
    up: [/GET \/a [^]*GET \/b /],
  },
];

const ANSWERS: readonly Row[] = [
  {
    section: '9112 4',
    asks: 'an empty reason, and one with its blank gone',
    answer: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    down: [/^HTTP\/1\.1 200 /],
  },
  {
    section: '9112 5.1',
    asks: 'remove blanks before a colon',
    answer: answer('Server : a\r\nContent-Length\t: 2\r\n', 'ok'),
    down: ['Server: a\r\n', 'Content-Length: 2\r\n'],
  },
  {
    section: '9112 5.2',
    asks: '502 for a folded line, or unfold it',
    answer: answer('X-A: b\r\n c\r\nContent-Length: 0\r\n'),
    down: [/^HTTP\/1\.1 502 /],
  },
  {
    section: '9112 6.3',
    asks: 'until the connection ends',
    answer: answer('X-A: b\r\n', 'hello'),
    closes: true,
    down: [/o\r\n0\r\n\r\n$/],
  },
  {
    section: '9112 6.3',
    asks: '502 for lengths that differ',
    answer: answer('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!'),
    down: [/^HTTP\/1\.1 502 /],
  },
  {
    section: '9112 6.1',
    asks: 'no chunks to HTTP/1.0',
    request: 'GET /a HTTP/1.0\r\nHost: a\r\n\r\n',
    answer: answer('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
    down: [/\r\n\r\nhello$/],
    notDown: ['Transfer-Encoding'],
  },
  {
    section: '9112 7.1',
    asks: 'read chunks with extensions',
    answer: answer('Transfer-Encoding: chunked\r\n', '05;a\r\nhello\r\n0\r\n\r\n'),
    down: ['\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  },
  {
    section: '9110 6.6.1',
    asks: 'append a Date that is missing',
    answer: answer('Content-Length: 0\r\n'),
    down: [/^Date: Tue, 14 Nov 2023 22:13:20 GMT\r$/m],
  },
  {
    section: '9110 6.6.1',
    asks: 'leave a Date that is there',
    answer: answer('Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 0\r\n'),
    down: [/^Date: Mon, 01/m],
    notDown: ['2023'],
  },
  {
    section: '9110 7.6.1',
    asks: 'remove what Connection names',
    answer: answer('Connection: X-One\r\nX-One: 1\r\nX-Two: 2\r\nContent-Length: 0\r\n'),
    down: ['X-Two: 2'],
    notDown: ['X-One'],
  },
  {
    section: '9110 8.6',
    asks: 'no Content-Length in 204',
    answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    down: [/^HTTP\/1\.1 204 /],
    notDown: ['Content-Length'],
  },
  {
    section: '9110 8.6',
    asks: 'a length of one spelling',
    answer: answer('Content-Length:\t02\t\r\n', 'ok'),
    down: ['Content-Length: 2\r\n'],
  },
  {
    section: '9110 9.3.2',
    asks: 'the length that GET would have, for HEAD',
    request: 'HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n',
    answer: answer('Content-Length: 5\r\n'),
    down: [/^Content-Length: 5\r$/m],
  },
  {
    section: '9110 15.2',
    asks: 'pass interim answers on',
    answer: `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${answer('Content-Length: 0\r\n')}`,
    down: [/^HTTP\/1\.1 103 [^]*HTTP\/1\.1 200 /],
  },
  {
    section: '9110 15.2',
    asks: 'but not to HTTP/1.0',
    request: 'GET /a HTTP/1.0\r\nHost: a\r\n\r\n',
    answer: `HTTP/1.1 103 Early Hints\r\n\r\n${answer('Content-Length: 0\r\n')}`,
    notDown: ['103'],
  },
  {
    section: '9110 15.4.5',
    asks: '304 has no body, whatever its length says',
    answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    down: [/^HTTP\/1\.1 304 [^]*\r\n\r\n$/],
  },
  {
    section: '9110 15',
    asks: 'statuses nobody knows',
    answer: 'HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n',
    down: [/^HTTP\/1\.1 299 Odd\r/],
  },
  {
    section: '9110 7.8',
    asks: 'no change of protocol that nobody asked for',
    answer: 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n',
    down: [/^HTTP\/1\.1 502 /],
  },
  {
    section: '9110 7.8',
    asks: 'none to another than was asked for',
    request: get('Connection: upgrade\r\nUpgrade: websocket\r\n'),
    answer: 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
    down: [/^HTTP\/1\.1 502 /],
  },
];

const memory = await MemoryGateway.start();

describe.each([
  ['requests', REQUESTS],
  ['answers', ANSWERS],
])('RFC 9110 and RFC 9112: %s', (_name, rows) => {
  it.each(rows)('RFC $section: $asks', async (row) => {
    const { request = GET, answer: text } = row;
    const whole: Answer = text === undefined ? OK : { pieces: [text], closes: row.closes === true };
    const bytewise = text === undefined ? OK : { ...whole, pieces: byBytes(text) };
    check(row, await memory.converse([request], whole));
    check(row, await memory.converse(byBytes(request), bytewise));
  });
});

it('RFC 9112 9.6: a client that sent empty lines alone is told nothing', async () => {
  for (const lines of ['\r\n', '\r\n\r\n\r\n', '\r']) {
    const client = memory.engine.client();
    for (const cut of byBytes(lines)) client.push(cut);
    await memory.engine.settled();
    memory.clock.advance(600_000);
    await memory.engine.settled();
    expect([lines, client.sent, client.isOpen]).toEqual([lines, '', false]);
    client.destroy();
  }
  const { client } = await memory.converse([`${'\r\n'.repeat(50)}${GET}`]);
  expect(client).toMatch(REFUSED);
});

function byBytes(text: string): string[] {
  return pieces(text, [...cutsOf(text.length)].at(-1)!);
}

function check(row: Row, { upstream, client, faults }: Conversation): void {
  expect(faults).toEqual([]);
  for (const part of row.up ?? []) expect(upstream).toMatch(part);
  for (const part of row.notUp ?? []) expect(upstream).not.toMatch(part);
  for (const part of row.down ?? []) expect(client).toMatch(part);
  for (const part of row.notDown ?? []) expect(client).not.toMatch(part);
}
