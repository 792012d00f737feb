import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../test/support/ports.js';
import { failed } from '../../test/support/scripted-fetch.js';
import { faultOf, type FetchFault } from './fetch-fault.js';

const thrownBy = (url: string, init?: RequestInit): Promise<unknown> =>
  fetch(url, init).then(
    async (response) => await response.text().catch((error: unknown) => error),
    (error: unknown) => error,
  );

/** A server that answers every connection with these bytes, and then ends it. */
async function answering(bytes: string | undefined): Promise<{ url: string; close(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => (bytes === undefined ? socket.resetAndDestroy() : socket.end(bytes)));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${port}/`, close: () => void server.close() };
}

describe('what fetch itself throws', () => {
  it('for a port where nobody listens, and for a name that is none: nothing was sent', async () => {
    expect(faultOf(await thrownBy(`http://127.0.0.1:${await freePort()}/`))).toBe('unreachable');
    expect(faultOf(await thrownBy(`http://localhost:${await freePort()}/`))).toBe('unreachable');
    expect(faultOf(await thrownBy('http://upstream.invalid/'))).toMatch(/^(?:unreachable|local)$/);
    expect(faultOf(await thrownBy('http://127.0.0.1:6000/'))).toBe('unreachable');
  });

  it.each<[string, string | undefined, FetchFault]>([
    ['a reset', undefined, 'broken'],
    ['an end without an answer', '', 'broken'],
    ['what is no HTTP', 'HTTP/1.1 200 OK\r\nbad header\r\n\r\n', 'broken'],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 'broken'],
    ['a body cut short', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut', 'broken'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'broken'],
    [
      'a body that is not in the coding that it names',
      'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nplain',
      'content',
    ],
  ])('for %s', async (_, bytes, fault) => {
    const { url, close } = await answering(bytes);
    expect(faultOf(await thrownBy(url))).toBe(fault);
    close();
  });

  it.each<[string, RequestInit]>([
    ['a field of the connection', { headers: { 'Keep-Alive': '5' } }],
    ['an expectation', { headers: { Expect: '100-continue' } }],
    ['a wrong length', { method: 'POST', headers: { 'Content-Length': '5' }, body: 'abc' }],
    ['a dispatcher that is none', { dispatcher: {} } as RequestInit],
    [
      'a stream of numbers',
      {
        method: 'POST',
        duplex: 'half',
        body: (async function* () {
          yield 5;
        })() as never,
      } as RequestInit,
    ],
  ])('for %s: the caller is at fault', async (_, init) => {
    const { url, close } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect(faultOf(await thrownBy(url, init))).toBe('caller');
    close();
  });

  it('for another content than was asked for', async () => {
    const { url, close } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody');
    const integrity = `sha256-${'A'.repeat(43)}=`;
    expect(faultOf(await thrownBy(url, { integrity }))).toBe('content');
    close();
  });
});

it.each<[FetchFault, readonly object[]]>([
  [
    'unreachable',
    [
      { syscall: 'connect' },
      { code: 'ETIMEDOUT', syscall: 'connect' },
      { code: 'ENOENT', syscall: 'connect' },
      { code: 'UND_ERR_CONNECT_TIMEOUT' },
      { code: 'CERT_HAS_EXPIRED' },
      { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      { errors: [{ syscall: 'connect' }, { syscall: 'connect', code: 'EMFILE' }] },
    ],
  ],
  [
    'local',
    [
      { code: 'EMFILE', syscall: 'connect' },
      { code: 'ENFILE' },
      { code: 'EADDRNOTAVAIL', syscall: 'connect' },
      { code: 'EAI_AGAIN', syscall: 'getaddrinfo' },
      { errors: [{ code: 'EMFILE' }, { code: 'EMFILE' }] },
    ],
  ],
  [
    'broken',
    [
      { code: 'UND_ERR_SOCKET' },
      { code: 'EPIPE', syscall: 'write' },
      { code: 'UND_ERR_HEADERS_TIMEOUT' },
      { code: 'EPROTO' },
      { syscall: 'read' },
      { errors: [{ syscall: 'connect' }, { syscall: 'read' }] },
      {},
    ],
  ],
  [
    'caller',
    [
      { code: 'UND_ERR_INVALID_ARG' },
      { code: 'UND_ERR_NOT_SUPPORTED' },
      { code: 'ENOENT', syscall: 'open' },
      { code: 'UND_ERR_DESTROYED' },
    ],
  ],
])('is %s', (fault, causes) => {
  for (const cause of causes) expect(faultOf(failed(cause)), JSON.stringify(cause)).toBe(fault);
});

it('of an error that says nothing, only a TypeError is a network error', () => {
  expect(faultOf(new TypeError('Failed to fetch'))).toBe('broken');
  for (const odd of [undefined, null, 'text', 5, new Error('plain'), new ReferenceError('x')])
    expect(faultOf(odd)).toBe('foreign');
  expect(faultOf(new DOMException('stopped', 'AbortError'))).toBe('foreign');
  const circle = new Error('circle');
  circle.cause = circle;
  expect(faultOf(circle)).toBe('foreign');
});
