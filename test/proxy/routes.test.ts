import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { startUpstream, type SeenRequest } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

const upstream = await startUpstream();
const folder = mkdtempSync(join(tmpdir(), 'routes-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'error.html'), '<h1>{status} {reason}</h1><p>{code} {other} grüße</p>');
writeFileSync(join(folder, 'busy.html'), 'busy');

function route(path: string, more: object): object {
  return { match: { path }, pool: 'api', affinity: [], ...more };
}

const gateway = await startTestGateway([], {
  trustedProxies: ['127.0.0.2'],
  errorPages: { default: join(folder, 'error.html'), 503: join(folder, 'busy.html') },
  pools: {
    api: { upstreams: { api: upstream.url }, passive: { maxFails: 0 } },
    gone: { upstreams: ['http://127.0.0.1:1'], passive: { maxFails: 0 } },
  },
  routes: [
    route('/strip', { stripPrefix: '/strip' }),
    route('/part/deep', { stripPrefix: '/part' }),
    route('/old', { rewrite: { prefix: '/new/er' } }),
    route('/root', { rewrite: { prefix: '/' } }),
    route('/all', { rewrite: { path: '/index.html' } }),
    route('/host', { hostHeader: 'upstream' }),
    route('/named', { hostHeader: 'app.internal:81' }),
    route('/fields', {
      request: {
        set: { 'X-Client': '{client} {scheme}://{host}{target} {method} {route}', Accept: 'text/plain' },
        add: { 'X-Tag': 'b' },
        remove: ['X-Gone', 'cookie'],
      },
      answer: {
        set: { Server: 'none', 'X-By': '{upstream} {{x}' },
        remove: 'x-powered-by',
        add: { Vary: 'A' },
      },
    }),
    { match: { path: '/healthz' }, respond: { body: 'ok\n' } },
    { match: { path: '/empty' }, respond: { status: 204 } },
    { match: { path: '/maintenance' }, respond: { status: 503, body: '<p>later', type: 'text/html' } },
    { match: { path: '/moved' }, redirect: { to: 'https://www.example.org{target}', status: 301 } },
    { match: { path: '/here' }, redirect: { to: '/there' } },
    route('/secure', { redirect: { https: true } }),
    route('/secure-port', { redirect: { https: true, port: 8443, status: 307 } }),
    { match: { path: '/gone' }, pool: 'gone', affinity: [] },
  ],
});

async function seen(target: string, headers: Record<string, string> = {}): Promise<SeenRequest> {
  const { status } = await request(gateway.port, { target, headers });
  expect(status).toBe(200);
  return upstream.seen.at(-1)!;
}

describe('paths and hosts that a route rewrites', () => {
  it.each([
    ['/strip/x?y=/strip', '/x?y=/strip'],
    ['/strip', '/'],
    ['/strip?q', '/?q'],
    ['/strip/', '/'],
    ['/part/deep/x', '/deep/x'],
    ['/old/x?q=1', '/new/er/x?q=1'],
    ['/old', '/new/er'],
    ['/root/x', '/x'],
    ['/root', '/'],
    ['/all/of/it?q=1', '/index.html?q=1'],
    ['/host/x', '/host/x'],
  ])('%s reaches the upstream as %s', async (target, wanted) => {
    expect((await seen(target)).target).toBe(wanted);
  });

  it('say which prefix was taken, and nobody else can', async () => {
    const request = await seen('/strip/x', { 'X-Forwarded-Prefix': '/evil' });
    expect(request.headers('x-forwarded-prefix')).toEqual(['/strip']);
  });

  it('the host is kept, the upstream’s, or a name; what the client asked for is told beside it', async () => {
    const kept = await seen('/strip', { Host: 'Shop.example:80' });
    expect([kept.headers('host'), kept.headers('x-forwarded-host')]).toEqual([
      ['Shop.example:80'],
      ['Shop.example:80'],
    ]);
    const own = await seen('/host', { Host: 'shop.example' });
    expect([own.headers('host'), own.headers('x-forwarded-host')]).toEqual([
      [new URL(upstream.url).host],
      ['shop.example'],
    ]);
    expect((await seen('/named')).headers('host')).toEqual(['app.internal:81']);
  });

  it('the log tells of the request as it came', async () => {
    await seen('/strip/logged', { Host: 'shop.example' });
    expect(gateway.log.find((line) => line['path'] === '/strip/logged')).toMatchObject({
      host: 'shop.example',
    });
  });
});

describe('fields that a route edits', () => {
  it('are set, added and removed on their way to the upstream', async () => {
    const request = await seen('/fields/x?q=1', {
      'x-client': 'forged',
      'X-TAG': 'a',
      'x-gone': '1',
      Cookie: 'a=1',
      Accept: '*/*',
    });
    expect(request.headers('x-client')).toEqual(['127.0.0.1 http://test.example/fields/x?q=1 GET /fields']);
    expect(request.headers('accept')).toEqual(['text/plain']);
    expect(request.headers('x-tag')).toEqual(['a', 'b']);
    expect([request.headers('x-gone'), request.headers('cookie')]).toEqual([[], []]);
    expect(request.headers('x-forwarded-for')).toEqual(['127.0.0.1']);
  });

  it('are set, added and removed on their way to the client', async () => {
    upstream.behaviour = {
      kind: 'answer',
      headers: [
        ['Server', 'secret/1.0'],
        ['X-Powered-By', 'PHP'],
        ['Vary', 'Cookie'],
        ['X-Kept', '1'],
      ],
    };
    const answer = await request(gateway.port, { target: '/fields' });
    upstream.behaviour = { kind: 'answer' };
    expect([answer.headers('server'), answer.headers('x-by'), answer.headers('vary')]).toEqual([
      ['none'],
      ['api {x}'],
      ['Cookie', 'A'],
    ]);
    expect([answer.headers('x-powered-by'), answer.headers('x-kept')]).toEqual([[], ['1']]);
  });
});

describe('answers of the gateway’s own', () => {
  it('are fixed, with their type', async () => {
    const answer = await request(gateway.port, { target: '/healthz' });
    expect([answer.status, answer.body.toString(), answer.header('content-type')]).toEqual([
      200,
      'ok\n',
      'text/plain; charset=utf-8',
    ]);
    const later = await request(gateway.port, { target: '/maintenance' });
    expect([later.status, later.body.toString(), later.header('content-type')]).toEqual([
      503,
      '<p>later',
      'text/html',
    ]);
  });

  it('have no body where the status or the method has none', async () => {
    const client = await connect(gateway.port);
    const empty = await client.request({ target: '/empty' });
    expect([empty.status, empty.header('content-length'), empty.header('content-type')]).toEqual([
      204,
      undefined,
      undefined,
    ]);
    const head = await client.request({ target: '/healthz', method: 'HEAD' });
    expect([head.status, head.header('content-length'), head.body.length]).toEqual([200, '3', 0]);
  });

  it('are logged with their route', async () => {
    await request(gateway.port, { target: '/healthz/logged' });
    expect(gateway.log.find((line) => line['path'] === '/healthz/logged')).toMatchObject({
      status: 200,
      route: '/healthz',
      tries: 0,
    });
  });

  it.each([
    ['/moved/x?y', {}, 301, 'https://www.example.org/moved/x?y'],
    ['/here', {}, 308, '/there'],
    ['/secure/x?y', { Host: 'Shop.example:8080' }, 308, 'https://shop.example/secure/x?y'],
    ['/secure', { Host: '[::1]:8080' }, 308, 'https://[::1]/secure'],
    ['/secure-port', { Host: 'shop.example' }, 307, 'https://shop.example:8443/secure-port'],
  ])('redirect %s with %j', async (target, headers, status, location) => {
    const answer = await request(gateway.port, { target, headers });
    expect([answer.status, answer.headers('location'), answer.body.length]).toEqual([status, [location], 0]);
  });

  it('do not redirect what came by HTTPS, as a trusted proxy says', async () => {
    const headers = { 'X-Forwarded-Proto': 'https' };
    expect((await request(gateway.port, { target: '/secure', headers })).status).toBe(308);
    const behind = await request(gateway.port, { target: '/secure', headers, localAddress: '127.0.0.2' });
    expect(behind.status).toBe(200);
  });

  it('attack: HTTP/1.0 without a host is not redirected to nowhere, nor let through', async () => {
    const client = await connect(gateway.port);
    client.write('GET /secure HTTP/1.0\r\n\r\n');
    expect((await client.response()).status).toBe(400);
  });
});

describe('pages for browsers', () => {
  it('go to whoever asks for HTML, one by status or the one for all', async () => {
    const headers = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const missing = await request(gateway.port, { target: '/nowhere', headers });
    expect([missing.status, missing.header('content-type'), missing.body.toString()]).toEqual([
      404,
      'text/html; charset=utf-8',
      '<h1>404 Not Found</h1><p>no-route {other} grüße</p>',
    ]);
    const busy = await request(gateway.port, { target: '/gone', headers });
    expect([busy.status, busy.body.toString(), busy.header('retry-after')]).toEqual([503, 'busy', '30']);
  });

  it.each([[undefined], ['*/*'], ['application/json'], ['text/htmlx']])('nobody else: %s', async (accept) => {
    const headers = accept === undefined ? {} : { Accept: accept };
    const answer = await request(gateway.port, { target: '/nowhere', headers });
    expect(answer.body.toString()).toBe('404 Not Found: no-route\n');
  });
});
