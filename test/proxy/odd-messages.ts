/** Requests that two hops may read differently, each with its name; all of them are refused. */

export const post = (fields: string, body = '0\r\n\r\n'): string =>
  `POST /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
export const get = (fields: string): string => `GET /a HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

/** Where does the body end? */
export const ODD_FRAMING: readonly (readonly [name: string, bytes: string])[] = [
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
];

/** Where does a field or the head end? */
export const ODD_FIELDS: readonly (readonly [name: string, bytes: string])[] = [
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
];

/** What does the first line say? */
export const ODD_LINES: readonly (readonly [name: string, bytes: string])[] = [
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
];

/** Whom is it for? */
export const ODD_HOSTS: readonly (readonly [name: string, bytes: string])[] = [
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
];

/** Legal, if seldom: with the body that arrives. */
export const GOOD_REQUESTS: readonly (readonly [name: string, bytes: string, body: string])[] = [
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
];

/** How long is a chunk? */
export const BAD_CHUNKS: readonly (readonly [string, string])[] = [
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

/**
 * Legal answers, if seldom: the method that was asked with, and whether their end is that of the connection.
 */
export const GOOD_ANSWERS: readonly (readonly [
  name: string,
  bytes: string,
  method?: string,
  closes?: boolean,
])[] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello'],
  ['a length behind a tab', 'HTTP/1.1 200 OK\r\nContent-Length:\t5\t\r\n\r\nhello'],
  ['no body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n'],
  ['204', 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'],
  ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0A\r\n0123456789\r\n0\r\n\r\n',
  ],
  [
    'chunks with extensions and trailers',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding:\tchunked\r\n\r\n5;a=b\r\nhello\r\n5;5_0\r\nworld\r\n00;x\r\nX-Sum: 1\r\nContent-Length: 3\r\n\r\n',
  ],
  ['until the end', 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello', 'GET', true],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhello', 'GET', true],
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD'],
  [
    'interim answers',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
  ['a blank before a colon', 'HTTP/1.1 200 OK\r\nServer : a\r\nContent-Length : 2\r\n\r\nok'],
];

/** Answers that two hops may read differently, with the reason that the log gives. */
export const ODD_ANSWERS: readonly (readonly [name: string, bytes: string, fault: string])[] = [
  ['a folded field', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n', 'folded-line'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\n', 'length-repeated'],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello', 'length'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'length-and-transfer-encoding',
  ],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello', 'length'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'transfer-encoding'],
  ['a bare LF behind the status line', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'bare-cr-or-lf'],
  [
    'a bare LF behind a field',
    'HTTP/1.1 200 OK\r\nX-A: b\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n',
    'bare-cr-or-lf',
  ],
  ['a bare CR in a field', 'HTTP/1.1 200 OK\r\nX-A: b\rc\r\nContent-Length: 0\r\n\r\n', 'bare-cr-or-lf'],
  ['a NUL', 'HTTP/1.1 200 OK\r\nX-A: b\0\r\nContent-Length: 0\r\n\r\n', 'field-value'],
  ['another protocol', 'ICY 200 OK\r\n\r\n', 'status-line'],
  ['another protocol, without an empty line', 'SSH-2.0-OpenSSH_9.2\r\n', 'status-line'],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n', 'status-line'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n', 'status-line'],
  [
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n',
    'upgrade',
  ],
];
