import { describe, expect, it, vi } from 'vitest';
import { MemoryGateway, type Conversation } from './memory-gateway.js';
import { get, post } from './odd-messages.js';

/** Requests of all kinds, good and bad. Of any two of them, the first must leave no trace on the second. */
const REQUESTS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost:\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'GET / HTTP/1.0\r\nHost:\r\nConnection: keep-alive\r\n\r\n',
  'GET / HTTP/1.0\r\nHost: \t\r\n\r\n',
  'GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n',
  'HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: c\r\n\r\n',
  'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
  get('Connection: close, X-One\r\nX-One: 1\r\nX-Two: 2\r\n'),
  get('Connection: X-Two\r\nX-One: 1\r\nX-Two: 2\r\n'),
  get('X-Forwarded-For: 1.2.3.4\r\nX-Request-Id: r\r\nX-Forwarded-Host: b\r\nForwarded: for=1\r\n'),
  get('Cookie: a=b\r\nCookie: c=d\r\n'),
  get('X A: b\r\n'),
  post('Content-Length: 5\r\n', 'hello'),
  post('Transfer-Encoding: chunked\r\n', '5;x\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'),
  post('Transfer-Encoding: chunked\r\n', '5 \r\nhello\r\n0\r\n\r\n'),
  post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
];

const SETTINGS = { trustedProxies: ['127.0.0.2'] };
/** A stranger, and a trusted proxy. */
const PEERS = ['127.0.0.1', '127.0.0.2'];

const told = ({ upstream, requests, faults, client }: Conversation): object => ({
  // How much of a request that turned out bad had gone by then depends on whether a connection was there.
  upstream: requests.length === 0 ? '' : upstream,
  requests,
  faults,
  client,
});

/** What the upstream and the client get when it is the first request of a process. */
async function alone(text: string, peer: string): Promise<object> {
  vi.resetModules();
  const fresh = await import('./memory-gateway.js');
  const memory = await fresh.MemoryGateway.start(SETTINGS);
  return told(await memory.converse([text], fresh.OK, peer));
}

describe('attack: a request that changes what becomes of the next', () => {
  it(
    'is treated as in a fresh process, whatever came before it, from whomever',
    { timeout: 120_000 },
    async () => {
      const memory = await MemoryGateway.start(SETTINGS);
      const { OK } = await import('./memory-gateway.js');
      for (const peer of PEERS) {
        for (const text of REQUESTS) {
          const first = await alone(text, peer);
          for (const before of REQUESTS) {
            for (const other of PEERS) {
              await memory.converse([before], OK, other);
              const after = told(await memory.converse([text], OK, peer));
              expect({ before, other, text, peer, ...after }).toEqual({
                before,
                other,
                text,
                peer,
                ...first,
              });
            }
          }
        }
      }
    },
  );

  it('nor does one before it on the same connection', { timeout: 60_000 }, async () => {
    const memory = await MemoryGateway.start(SETTINGS);
    for (const before of REQUESTS) {
      const one = await memory.converse([before]);
      if (/^Connection: close\r$/m.test(one.client) || /^Host: *\r$/m.test(before)) continue;
      for (const text of REQUESTS) {
        const two = await memory.converse([text]);
        const both = await memory.converse([before, text]);
        const requests = [...one.requests, ...two.requests];
        expect({ before, text, requests: both.requests }).toEqual({ before, text, requests });
        if (two.requests.length > 0) expect(both.upstream).toBe(one.upstream + two.upstream);
      }
    }
  });

  it('exactly one Host reaches the upstream, always', async () => {
    const memory = await MemoryGateway.start(SETTINGS);
    for (const text of REQUESTS) {
      const { requests } = await memory.converse([text]);
      for (const request of requests) expect(request.match(/^host:/gim)).toHaveLength(1);
    }
  });
});
