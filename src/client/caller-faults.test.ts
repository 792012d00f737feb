import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { failed, scriptedFetch } from '../../test/support/scripted-fetch.js';
import { createManualClock } from '../testing/manual-clock.js';
import { createClient, type CallOptions, type Client } from './client.js';

const KEY = 'user:42';
const servers: Server[] = [];
const urls: Record<string, string> = {};
let asked = 0;

beforeAll(async () => {
  for (const id of ['api-1', 'api-2', 'api-3']) {
    const server = createServer((request, response) => {
      asked++;
      if (request.url === '/crash') return request.socket.resetAndDestroy();
      if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': 9 });
        return response.write('cut', () => request.socket.resetAndDestroy());
      }
      if (request.url === '/gzip')
        return response.writeHead(200, { 'content-encoding': 'gzip' }).end('plain');
      return request.resume().on('end', () => response.end('fine'));
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    servers.push(server);
    urls[id] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
});

afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

const make = (options = {}): Client =>
  createClient({ upstreams: urls, passive: { maxFails: 1 }, ...options });
const conditions = (client: Client): string[] => client.upstreams.map(({ condition }) => condition);
const UP = ['up', 'up', 'up'];
const INVALID = { name: 'StickyError', code: 'STICKY_CLIENT_INVALID' };

async function* stream(...chunks: unknown[]) {
  yield* chunks;
}

describe('what the caller did wrong counts for no upstream, and says what it was', () => {
  it.each<[string, CallOptions]>([
    ['keep-alive', { headers: { 'Keep-Alive': 'timeout=5' } }],
    ['expect', { headers: { Expect: '100-continue' } }],
    ['upgrade', { headers: { Upgrade: 'websocket' } }],
    ['transfer-encoding', { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' }, body: 'x' }],
    ['connection', { headers: { Connection: 'upgrade' } }],
    ['connection', { headers: { Connection: 'close, x-mine' } }],
    ['content-length', { method: 'POST', headers: { 'Content-Length': 'many' }, body: 'x' }],
    ['content-length', { method: 'POST', headers: { 'Content-Length': '1, 1' }, body: 'x' }],
    ['content-length', { method: 'POST', headers: { 'Content-Length': '2' }, body: 'abc' }],
    ['content-length', { method: 'POST', headers: { 'Content-Length': '5' }, body: new Uint8Array(3) }],
    ['content-length', { method: 'POST', headers: { 'Content-Length': '5' }, body: new Blob(['abc']) }],
    ['content-length', { method: 'PUT', headers: { 'Content-Length': '5' }, body: stream('abc') as never }],
    ['content-length', { method: 'PUT', headers: { 'Content-Length': '2' }, body: stream('abc') as never }],
    ['a number', { method: 'PUT', body: stream('abc', 5) as never }],
    ['an object', { method: 'PUT', body: stream({}) as never }],
    ['JSON.stringify', { method: 'POST', body: { name: 'alice' } as never }],
    ['JSON.stringify', { method: 'POST', body: 5 as never }],
    ['somebody else reads', { method: 'POST', body: locked() }],
    ['signal', { signal: 'x' as never }],
    ['idempotent', { idempotent: 'false' as never }],
    ['redirect', { redirect: 'follow' } as CallOptions],
    ['fetch refuses', { dispatcher: {} } as CallOptions],
    ['options', null as never],
  ])('%s: %j', async (what, options) => {
    const client = make();
    const before = asked;
    for (let count = 0; count < 3; count++) {
      const outcome = await client.fetch(KEY, '/', options).catch((error: unknown) => error);
      // A stream of the app's own is read once.
      expect(outcome).toMatchObject(
        count === 0 ? { ...INVALID, message: expect.stringContaining(what) } : {},
      );
    }
    expect(conditions(client)).toEqual(UP);
    if (!/number|object|content-length/.test(what)) expect(asked).toBe(before);
    await client.close();
  });

  it('a stream of its own that fails: with its own error', async () => {
    const client = make();
    const body = async function* () {
      yield 'a';
      throw new Error('of the app');
    };
    await expect(client.fetch(KEY, '/', { method: 'PUT', body: body() as never })).rejects.toThrow(
      'of the app',
    );
    expect(conditions(client)).toEqual(UP);
    await client.close();
  });

  it('a right length, whatever the body', async () => {
    const client = make();
    for (const body of [
      'abc',
      new Uint8Array(3),
      new Blob(['abc']),
      stream('ab', 'c'),
      new URLSearchParams('b=c'),
    ]) {
      const headers = { 'Content-Length': '3', Connection: 'close' };
      expect((await client.fetch(KEY, '/', { method: 'PUT', headers, body: body as never })).status).toBe(
        200,
      );
    }
    await client.close();
  });

  it('a `fetch` of the app that throws, or that gives no response', async () => {
    for (const fetch of [
      () => Promise.reject(new Error('no login')),
      () => {
        throw new RangeError('of the app');
      },
      () => Promise.resolve(undefined),
      () => Promise.reject(new DOMException('too late', 'TimeoutError')),
    ]) {
      const client = make({ fetch });
      for (let count = 0; count < 3; count++) await expect(client.fetch(KEY, '/')).rejects.toThrow();
      expect(conditions(client)).toEqual(UP);
      await client.close();
    }
  });
});

describe('what a request itself may have caused', () => {
  it('takes no upstream away where every one fails alike', async () => {
    const client = make();
    for (let count = 0; count < 5; count++)
      await expect(client.fetch(KEY, '/crash')).rejects.toMatchObject({ code: 'STICKY_UPSTREAM_BROKEN' });
    expect(conditions(client)).toEqual(UP);
    await client.close();
  });

  it('counts where another one answers', async () => {
    const net = scriptedFetch();
    const client = make({ fetch: net.fetch, upstreams: { a: 'http://a', b: 'http://b', c: 'http://c' } });
    const [first] = client.candidates(KEY) as [string];
    net.script(first, 'reset');
    expect((await client.fetch(KEY, '/')).status).toBe(200);
    expect(client.upstreams.find(({ id }) => id === first)!.condition).toBe('down');
    await client.close();
  });

  it('counts once where nobody else may be asked', async () => {
    const client = make({ passive: { maxFails: 2 } });
    const [first] = client.candidates(KEY) as [string];
    const condition = () => client.upstreams.find(({ id }) => id === first)!.condition;
    await expect(client.fetch(KEY, '/crash', { method: 'POST' })).rejects.toThrow();
    expect(condition()).toBe('up');
    await expect(client.fetch(KEY, '/crash', { method: 'POST' })).rejects.toThrow();
    expect(condition()).toBe('down');
    await client.close();
  });

  it('lets the trials of both go on where two on trial fail alike', async () => {
    const net = scriptedFetch();
    const clock = createManualClock();
    const upstreams = { a: 'http://a', b: 'http://b' };
    const client = make({ fetch: net.fetch, clock, upstreams });
    const [first, second] = client.candidates(KEY) as [string, string];
    for (const id of [first, second]) net.script(id, 'refused', 'reset', 200);
    await expect(client.fetch(KEY, '/')).rejects.toMatchObject({ code: 'STICKY_NO_UPSTREAM' });
    clock.advance(30_000);
    await expect(client.fetch(KEY, '/')).rejects.toMatchObject({ code: 'STICKY_UPSTREAM_BROKEN' });
    expect((await client.fetch(KEY, '/')).upstream).toBe(first);
    expect(conditions(client)).toContain('up');
    await client.close();
  });
});

it('an answer that can not be decoded, or a machine without descriptors, counts for no upstream', async () => {
  const client = make();
  for (let count = 0; count < 3; count++) {
    const response = await client.fetch(KEY, '/gzip');
    await expect(response.text()).rejects.toMatchObject({ code: 'STICKY_UPSTREAM_BROKEN' });
  }
  expect(conditions(client)).toEqual(UP);
  const short = make({ fetch: () => Promise.reject(failed({ code: 'EMFILE', syscall: 'connect' })) });
  for (let count = 0; count < 3; count++)
    await expect(short.fetch(KEY, '/')).rejects.toMatchObject({ code: 'STICKY_NO_UPSTREAM' });
  expect(conditions(short)).toEqual(UP);
  await client.close();
  await short.close();
});

it('an answer that is cut short counts once', async () => {
  const client = make({ passive: { maxFails: 2 } });
  for (const expected of ['up', 'down']) {
    const [first] = client.candidates(KEY) as [string];
    await expect((await client.fetch(KEY, '/cut')).text()).rejects.toMatchObject({
      code: 'STICKY_UPSTREAM_BROKEN',
    });
    expect(client.upstreams.find(({ id }) => id === first)!.condition).toBe(expected);
  }
  await client.close();
});

it('an onChange that throws changes nothing', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const net = scriptedFetch();
  const onChange = () => {
    throw new Error('of the app');
  };
  const client = make({ fetch: net.fetch, upstreams: { a: 'http://a', b: 'http://b' }, onChange });
  net.script(client.candidates(KEY)[0]!, 'refused');
  expect((await client.fetch(KEY, '/')).status).toBe(200);
  expect(conditions(client).sort()).toEqual(['down', 'up']);
  expect(warned).toHaveBeenCalledTimes(1);
  warned.mockRestore();
  await client.close();
});

function locked(): ReadableStream {
  const body = new Response('x').body!;
  body.getReader();
  return body;
}
