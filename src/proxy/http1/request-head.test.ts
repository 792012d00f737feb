import { describe, expect, it } from 'vitest';
import { CHUNKED, parseRequestHead, type RequestHead } from './request-head.js';
import { requestLine } from './start-line.js';

function parse(text: string, fieldsMax = 100, isTrusted = false): RequestHead | string {
  const bytes = Buffer.from(text, 'latin1');
  return parseRequestHead(bytes, 0, bytes.length, fieldsMax, isTrusted);
}

/** Well-formed but for the lines under test. */
function withLines(...lines: string[]): RequestHead | string {
  return parse(`POST / HTTP/1.1\r\nHost: a.example\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
}

/** As they go on. */
function linesOf(head: RequestHead): string {
  return requestLine(head) + head.fields;
}

function accepted(head: RequestHead | string): RequestHead {
  if (typeof head === 'string') throw new Error(`refused: ${head}`);
  return head;
}

describe('a request head', () => {
  it('is read into method, target, host, fields and framing', () => {
    const head = accepted(
      parse('GET /a?b=1 HTTP/1.1\r\nHost: a.example:8080\r\nCookie: x=1\r\nX-User-Id:  7 \r\n\r\n'),
    );
    expect([head.method, head.target, head.host, head.bodyBytes, head.keepAlive]).toEqual([
      'GET',
      '/a?b=1',
      'a.example:8080',
      0,
      true,
    ]);
    expect(head.get('x-user-id')).toBe('7');
    expect(head.get('absent')).toBeUndefined();
    expect(linesOf(head)).toBe(
      'GET /a?b=1 HTTP/1.1\r\nHost: a.example:8080\r\nCookie: x=1\r\nX-User-Id:  7 \r\n',
    );
  });

  it('joins repeated fields as the standard says', () => {
    const head = accepted(withLines('Accept: a', 'accept: b', 'Cookie: c=1', 'Cookie: d=2'));
    expect(head.get('accept')).toBe('a, b');
    expect(head.get('cookie')).toBe('c=1; d=2');
  });

  it('keeps bytes above 127 as they came, and does not take the last byte of à for a blank', () => {
    const head = accepted(withLines('X-Name: voil\xc3\xa0'));
    expect(head.get('x-name')).toBe('voil\xc3\xa0');
  });

  it.each([
    ['Content-Length: 5', 5],
    ['Content-Length: 0', 0],
    ['Content-Length: 999999999999999', 999_999_999_999_999],
    ['Transfer-Encoding: chunked', CHUNKED],
    ['Transfer-Encoding: Chunked', CHUNKED],
  ])('%s frames the body', (line, bytes) => {
    expect(accepted(withLines(line)).bodyBytes).toBe(bytes);
  });

  // Each row is an attack on the place where a message ends, or on who reads what.
  it.each([
    [
      'CL.TE: both framings (RFC 9112 §6.3)',
      ['Content-Length: 6', 'Transfer-Encoding: chunked'],
      'length-and-transfer-encoding',
    ],
    ['CL.CL: two different lengths', ['Content-Length: 5', 'Content-Length: 6'], 'length-repeated'],
    ['two equal lengths', ['Content-Length: 5', 'Content-Length: 5'], 'length-repeated'],
    ['a list of lengths', ['Content-Length: 5, 5'], 'length'],
    ['a signed length', ['Content-Length: +5'], 'length'],
    ['a negative length', ['Content-Length: -5'], 'length'],
    ['a hexadecimal length', ['Content-Length: 0x5'], 'length'],
    ['a length with a blank in it', ['Content-Length: 1 0'], 'length'],
    ['an empty length', ['Content-Length:'], 'length'],
    ['a length that integers fold', ['Content-Length: 18446744073709551621'], 'length'],
    [
      'TE.TE: chunked twice',
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      'transfer-encoding',
    ],
    ['TE.TE: a decoy', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], 'transfer-encoding'],
    ['xchunked', ['Transfer-Encoding: xchunked'], 'transfer-encoding'],
    ['chunked is not last (RFC 9112 §6.3)', ['Transfer-Encoding: chunked, gzip'], 'transfer-encoding'],
    ['a coding that nobody here knows', ['Transfer-Encoding: gzip, chunked'], 'transfer-encoding-unknown'],
    ['chunked behind a vertical tab', ['Transfer-Encoding: \x0bchunked'], 'field-value'],
    ['a space before the colon', ['Transfer-Encoding : chunked'], 'space-before-colon'],
    ['a tab before the colon', ['Transfer-Encoding\t: chunked'], 'space-before-colon'],
    ['a folded line (RFC 9112 §5.2)', ['X-A: 1', ' Transfer-Encoding: chunked'], 'folded-line'],
    ['a field folded with a tab', ['X-A: 1', '\t2'], 'folded-line'],
    ['a bare LF between fields', ['X-A: 1\nTransfer-Encoding: chunked'], 'bare-cr-or-lf'],
    ['a bare CR in a value', ['X-A: 1\rTransfer-Encoding: chunked'], 'bare-cr-or-lf'],
    ['a NUL in a value', ['X-A: 1\x002'], 'field-value'],
    ['a DEL in a value', ['X-A: 1\x7f2'], 'field-value'],
    ['a NUL in a name', ['X\x00A: 1'], 'field-name'],
    ['a field without a colon', ['Transfer-Encoding'], 'bare-cr-or-lf'],
    ['a field without a name', [': 1'], 'field-name'],
    ['a name in quotes', ['"Host": 1'], 'field-name'],
    ['a name with bytes above 127', ['Transf\xe9r: 1'], 'field-name'],
    ['two hosts', ['Host: b.example'], 'host-repeated'],
    ['an expectation that nobody can meet', ['Expect: 200-ok'], 'expectation'],
  ] as const)('is refused: %s', (_name, lines, error) => {
    expect(withLines(...lines)).toBe(error);
  });

  it.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 'host-missing'],
    ['an empty host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 'host'],
    ['a host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 'host'],
    ['a host with credentials', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 'host'],
    ['two hosts in one field', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 'host'],
    ['a host with a blank', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 'host'],
    ['a method in lower case', 'get / HTTP/1.1\r\nHost: a\r\n\r\n', 'method'],
    ['no method', ' / HTTP/1.1\r\nHost: a\r\n\r\n', 'method'],
    ['a method with a digit', 'G3T / HTTP/1.1\r\nHost: a\r\n\r\n', 'method'],
    ['an endless method', `${'A'.repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`, 'method'],
    ['two spaces before the target', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['two spaces behind the target', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 'request-line'],
    ['a target with a blank', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 'request-line'],
    ['a tab for a space', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 'method'],
    ['a target with a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['a target with a raw byte above 127', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['a target without a slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['* for a method other than OPTIONS', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['another scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['an absolute target with a user', 'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'target'],
    ['an absolute target without a Host', 'GET http://a/ HTTP/1.1\r\n\r\n', 'host-missing'],
    ['an absolute target with a bad Host', 'GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n', 'host'],
    ['an empty host in HTTP/1.0', 'GET / HTTP/1.0\r\nHost:\r\n\r\n', 'host'],
    ['a host of blanks', 'GET / HTTP/1.1\r\nHost: \t \r\n\r\n', 'host'],
    ['HTTP/0.9', 'GET /\r\n\r\n', 'target'],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 'request-line'],
    ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'version'],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\n', 'version'],
    ['http in lower case', 'GET / http/1.1\r\nHost: a\r\n\r\n', 'request-line'],
    ['a bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'bare-cr-or-lf'],
    [
      'chunked in HTTP/1.0',
      'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      'transfer-encoding',
    ],
  ])('is refused: %s', (_name, text, error) => {
    expect(parse(text)).toBe(error === 'request-line' && text.includes('1.2') ? 'version' : error);
  });

  it('has a limit on its fields', () => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${'X: 1\r\n'.repeat(9)}\r\n`;
    expect(accepted(parse(text, 10)).bodyBytes).toBe(0);
    expect(parse(text, 9)).toBe('too-many-fields');
  });

  it('takes an absolute target for the host that it names, and turns it into origin form', () => {
    expect(accepted(parse('GET http://A.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n')).target).toBe(
      '/x?y',
    );
    expect(accepted(parse('GET http://a.example?y HTTP/1.1\r\nHost: a.example\r\n\r\n')).target).toBe('/?y');
    expect(accepted(parse('OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n')).target).toBe('*');
    expect(
      linesOf(
        accepted(parse('GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n')),
      ),
    ).toBe('GET /x HTTP/1.1\r\nHost: a.example\r\n');
  });
});

describe('a target in absolute form', () => {
  it('is for the host that it names, whatever Host says (RFC 9112 §3.2.2)', () => {
    const head = accepted(parse('GET http://b:81/x HTTP/1.1\r\nX-A: 1\r\nHost: a\r\n\r\n'));
    expect([head.host, head.get('host'), linesOf(head)]).toEqual([
      'b:81',
      'b:81',
      'GET /x HTTP/1.1\r\nHost: b:81\r\nX-A: 1\r\n',
    ]);
  });

  it('brings the Host that HTTP/1.0 may leave out', () => {
    const head = accepted(parse('GET http://b/x HTTP/1.0\r\n\r\n'));
    expect([head.host, linesOf(head)]).toEqual(['b', 'GET /x HTTP/1.1\r\nHost: b\r\n']);
  });
});

describe('what is passed on', () => {
  it('is spoken in HTTP/1.1, whatever the client speaks', () => {
    expect(linesOf(accepted(parse('HEAD /a HTTP/1.0\r\nHost: a\r\n\r\n')))).toBe(
      'HEAD /a HTTP/1.1\r\nHost: a\r\n',
    );
    expect(linesOf(accepted(parse('GET /a HTTP/1.0\r\n\r\n')))).toBe('GET /a HTTP/1.1\r\n');
  });

  it('leaves out what is between neighbours: hop-by-hop fields and those that Connection names', () => {
    const head = accepted(
      withLines(
        'Connection: keep-alive, X-Secret',
        'Keep-Alive: timeout=5',
        'X-Secret: 1',
        'TE: trailers',
        'Proxy-Authorization: x',
        'X-Kept: 1',
      ),
    );
    expect(linesOf(head)).toBe('POST / HTTP/1.1\r\nHost: a.example\r\nX-Kept: 1\r\n');
  });

  it('does not let Connection take away who is asking or how long the body is', () => {
    const head = accepted(
      withLines(
        'Connection: Authorization, Cookie, Host, Content-Length',
        'Authorization: Bearer x',
        'Cookie: a=1',
        'Content-Length: 3',
      ),
    );
    expect(head.bodyBytes).toBe(3);
    expect(linesOf(head)).toBe(
      'POST / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer x\r\nCookie: a=1\r\n',
    );
  });

  const hearsay = [
    'X-Forwarded-For: 1.2.3.4',
    'x_forwarded_for: 5.6.7.8',
    'X-Real-IP: 1.1.1.1',
    'X_Real_IP: 1.1.1.1',
    'Forwarded: for=1',
    'X-Request-Id: 1',
    'X-Forwarded-Prefix: /admin',
    'x-forwarded-port: 1',
    'X-Forwarded-Ssl: on',
    'X-Forwarded-Scheme: https',
    'X_Forwarded-Server: a',
    'X_FORWARDED_ANYTHING: a',
    'X-Forwarded: for=1',
    'X-Client-IP: 1.1.1.1',
    'True-Client-IP: 1.1.1.1',
    'CF_Connecting_IP: 1.1.1.1',
    'X-Original-URL: /admin',
    'Front-End-Https: on',
  ];

  it('leaves out what a client says of its own origin, in every spelling that an app may read', () => {
    const head = accepted(withLines(...hearsay, 'X-Forwarder: 1', 'X-Kept: 1'));
    expect(linesOf(head)).toBe('POST / HTTP/1.1\r\nHost: a.example\r\nX-Forwarder: 1\r\nX-Kept: 1\r\n');
    expect([head.forwarded, head.requestId]).toEqual([undefined, undefined]);
  });

  it('hands over what a trusted proxy says of it, and keeps what the gateway has no word of its own for', () => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${hearsay.map((line) => `${line}\r\n`).join('')}\r\n`;
    const head = accepted(parse(text, 100, true));
    expect(head.forwarded).toMatchObject({ for: '1.2.3.4, 5.6.7.8', element: 'for=1' });
    expect(head.requestId).toBe('1');
    const kept = hearsay.slice(6).map((line) => `${line}\r\n`);
    expect(linesOf(head)).toBe(`GET / HTTP/1.1\r\nHost: a\r\n${kept.join('')}`);
  });

  it('keeps a name with an underscore that only looks like a framing field, and does not frame by it', () => {
    const head = accepted(withLines('Content_Length: 5', 'Transfer_Encoding: chunked'));
    expect([head.bodyBytes, linesOf(head).includes('Content_Length: 5')]).toEqual([0, true]);
  });
});

describe('an upgrade', () => {
  it('is recognised with both fields', () => {
    expect(accepted(withLines('Connection: Upgrade', 'Upgrade: WebSocket')).upgrade).toBe('websocket');
    expect(accepted(withLines('Upgrade: websocket')).upgrade).toBe('');
  });

  it.each([
    'h2c',
    'H2C',
    'h2',
    'h2c-14',
    'h3',
    'HTTP/2.0',
    'http/2',
    'HTTP/1.1',
    'HTTPS/1.3',
    'TLS/1.0',
    'websocket, h2c',
    'h2c, websocket',
    'websocket\th2c',
    'websocket,',
  ])('to %s is none: requests would go past the router', (protocol) => {
    expect(accepted(withLines('Connection: Upgrade', `Upgrade: ${protocol}`)).upgrade).toBe('');
  });

  it.each(['websocket', 'tcp', 'SPDY/3.1', 'h2o', 'tlsish'])('to %s is passed on', (protocol) => {
    expect(accepted(withLines('Connection: Upgrade', `Upgrade: ${protocol}`)).upgrade).toBe(
      protocol.toLowerCase(),
    );
  });

  it('is never h2c, never behind a body, never several at once', () => {
    expect(
      accepted(
        withLines('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP'),
      ).upgrade,
    ).toBe('');
    expect(
      accepted(withLines('Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 3')).upgrade,
    ).toBe('');
    expect(accepted(withLines('Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: h2c')).upgrade).toBe('');
  });
});

describe('the connection', () => {
  it.each([
    ['HTTP/1.1', [], true],
    ['HTTP/1.1', ['Connection: close'], false],
    ['HTTP/1.1', ['Connection: keep-alive', 'Connection: Close'], false],
    ['HTTP/1.0', [], false],
    ['HTTP/1.0', ['Connection: keep-alive'], true],
  ] as const)('%s %j stays open: %s', (version, lines, keepAlive) => {
    const head = accepted(
      parse(`GET / ${version}\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`),
    );
    expect(head.keepAlive).toBe(keepAlive);
  });

  it('is over behind CONNECT: what follows belongs to a tunnel that there is not', () => {
    expect(accepted(parse('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n')).keepAlive).toBe(false);
  });
});
