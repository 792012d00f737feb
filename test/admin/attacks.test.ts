import { statSync, writeFileSync, mkdtempSync, rmSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { readConfig, startGateway, type RunningGateway } from '../../src/control/index.js';
import { TokenCheck } from '../../src/control/admin/token-check.js';
import { createManualClock } from '../../src/testing/index.js';
import { connect, type RawClient } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { askAdmin, followEvents } from './admin-client.js';

/* Attacks on the admin API, one a test: on a token, by a browser, on the parser, and on memory. */

const TOKEN = 'a-token-for-these-tests';
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-admin-'));
const running: RunningGateway[] = [];
const log: Record<string, unknown>[] = [];
let open: RunningGateway;
let guarded: RunningGateway;

async function gateway(admin: object, more: object = {}): Promise<RunningGateway> {
  const logger = pino({ base: null }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const upstreams = { 'api-1': 'http://127.0.0.1:9', 'api-2': 'http://127.0.0.1:9001' };
  const started = await startGateway(readConfig({ listen: '127.0.0.1:0', upstreams, admin, ...more }), {
    logger,
  });
  running.push(started);
  return started;
}

beforeAll(async () => {
  open = await gateway({ listen: '127.0.0.1:0', write: true, hosts: ['gateway.internal'] });
  guarded = await gateway({ listen: '127.0.0.1:0', token: TOKEN });
});
afterAll(async () => {
  await Promise.all(running.map((each) => each.close()));
  rmSync(folder, { recursive: true, force: true });
});

const DRAIN = '/pools/default/upstreams/api-1/drain';
const standing = async (): Promise<string> =>
  (await open.operations.status()).pools[0]!.upstreams[0]!.standing as string;
const port = ({ adminAddress }: RunningGateway): number => Number(new URL(adminAddress!).port);

describe('a browser as the tool of another site', () => {
  it.each([
    ['DNS rebinding, to look', 'GET', '/status', { host: 'evil.example:9900' }, 421],
    ['DNS rebinding, to drain', 'POST', DRAIN, { host: 'evil.example' }, 421],
    ['a Host that only begins like ours', 'GET', '/status', { host: 'localhost.evil.example' }, 421],
    ['an odd Host', 'GET', '/status', { host: 'localhost/@evil' }, 421],
    ['fetch() of another origin', 'POST', DRAIN, { origin: 'http://evil.example' }, 403],
    ['an origin on another port', 'POST', DRAIN, { origin: 'http://127.0.0.1:1' }, 403],
    ['a sandboxed frame', 'POST', DRAIN, { origin: 'null' }, 403],
    ['an <img> of another site', 'GET', '/status', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sibling domain', 'POST', DRAIN, { 'sec-fetch-site': 'same-site' }, 403],
    ['a form: text/plain', 'POST', DRAIN, { 'content-type': 'text/plain' }, 415],
    ['a form', 'POST', DRAIN, { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['two types in one', 'POST', DRAIN, { 'content-type': 'text/plain; application/json' }, 415],
    ['a body without a type', 'POST', DRAIN, { 'content-type': '' }, 415],
    ['a preflight', 'OPTIONS', DRAIN, { 'access-control-request-method': 'POST' }, 405],
    ['a GET that would write', 'GET', DRAIN, {}, 405],
  ] as const)('%s changes and shows nothing', async (_, method, path, headers, status) => {
    const body = method === 'POST' ? {} : undefined;
    const answer = await askAdmin(open.adminAddress!, path, { method, body, headers });
    expect([answer.status, await standing()]).toEqual([status, 'in']);
    expect(answer.json().error.code).toBe('STICKY_ADMIN_REFUSED');
    expect(Object.keys(answer.fields).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(answer.fields['cache-control']).toBe('no-store');
  });

  it.each([
    ['localhost', { host: 'localhost:9900' }],
    ['an address', { host: '[::1]:9900' }],
    ['a name of admin.hosts', { host: 'gateway.internal' }],
    ['its own page', { host: '127.0.0.1', origin: 'http://127.0.0.1', 'sec-fetch-site': 'same-origin' }],
    ['a person who types the address', { 'sec-fetch-site': 'none' }],
  ])('%s is let in', async (_, headers) => {
    expect((await askAdmin(open.adminAddress!, '/status', { headers })).status).toBe(200);
  });
});

describe('a token', () => {
  it.each([
    ['none', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['the first half', { authorization: `Bearer ${TOKEN.slice(0, 12)}` }],
    ['one character more', { authorization: `Bearer ${TOKEN}x` }],
    ['another case', { authorization: `Bearer ${TOKEN.toUpperCase()}` }],
    ['another scheme', { authorization: `Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}` }],
    ['in a field of its own', { 'x-token': TOKEN }],
  ])('%s opens nothing', async (_, headers) => {
    for (const path of ['/status', '/openapi.json', '/events', '/nothing', `/status?token=${TOKEN}`]) {
      const answer = await askAdmin(guarded.adminAddress!, path, { headers });
      expect(answer.status, path).toBe(401);
      expect(answer.fields['www-authenticate']).toMatch(/^Bearer/);
      expect(answer.text).not.toContain(TOKEN);
    }
  });

  it('the right one opens, and a wrong one is logged without what it was', async () => {
    expect((await askAdmin(guarded.adminAddress!, '/status', { token: TOKEN })).status).toBe(200);
    expect(log.find(({ failures }) => failures !== undefined)).toMatchObject({ peer: '127.0.0.1' });
    expect(JSON.stringify(log)).not.toContain(TOKEN.slice(0, 12));
  });

  it('is asked for by /metrics, and not by /live and /ready, which tell nothing else', async () => {
    const statuses = ['/metrics', '/live', '/ready'].map(
      async (path) => (await askAdmin(guarded.adminAddress!, path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 200, 200]);
    const told = await askAdmin(guarded.adminAddress!, '/metrics', { token: TOKEN });
    expect(told.text).toContain('# TYPE stickyroute_ready gauge');
  });

  it('an address that guesses is not listened to for a minute; this machine always is', () => {
    const clock = createManualClock();
    const check = new TokenCheck(clock);
    const guess = (peer: string, token = 'wrong'): string => check.check(`Bearer ${token}`, TOKEN, peer);
    for (let at = 0; at < 10; at++) expect(guess(`2001:db8::${at}`)).toBe('wrong');
    expect(guess('2001:db8::ffff', TOKEN)).toBe('tooMany');
    expect(guess('2001:db8:0:1::1', TOKEN)).toBe('right');
    for (let at = 0; at < 30; at++) expect(guess('127.0.0.1')).toBe('wrong');
    expect(guess('127.0.0.1', TOKEN)).toBe('right');
    clock.advance(60_001);
    expect(guess('2001:db8::ffff', TOKEN)).toBe('right');
  });

  it('without one, an address of this machine is for looking only, unless the configuration says so', async () => {
    const looking = await gateway({ listen: '127.0.0.1:0' });
    expect((await askAdmin(looking.adminAddress!, '/status')).json().write).toBe(false);
    const answer = await askAdmin(looking.adminAddress!, DRAIN, { body: {} });
    expect([answer.status, answer.json().error.message]).toEqual([
      403,
      expect.stringContaining('admin.write'),
    ]);
    const explained = await askAdmin(looking.adminAddress!, '/explain', { body: { url: '/' } });
    expect(explained.status).toBe(200);
  });

  it('changes with a reload, but never under an address that it was not meant for', async () => {
    const { address, operations } = await (async () => {
      const started = await gateway({ listen: '127.0.0.1:0', token: TOKEN });
      return { address: started.adminAddress!, operations: started.operations };
    })();
    const reload = (admin: object | undefined) =>
      operations.reload(
        readConfig({ listen: '127.0.0.1:0', upstreams: ['http://127.0.0.1:9'], ...(admin && { admin }) }),
      );
    await reload({ listen: '127.0.0.1:0', token: `another-${TOKEN}` });
    expect((await askAdmin(address, '/status', { token: TOKEN })).status).toBe(401);
    // Without a token at all, but for a socket file: the open port keeps what it has.
    const { needsRestart } = await reload({ listen: `unix:${folder}/other.sock` });
    expect(needsRestart.map(({ setting }) => setting)).toEqual(['admin.listen']);
    expect((await askAdmin(address, '/status')).status).toBe(401);
    await reload(undefined);
    expect((await askAdmin(address, '/status')).status).toBe(401);
  });
});

describe('a request that two readers could take for two', () => {
  it.each([
    ['two Hosts', 'GET /status HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n', 400],
    ['no Host', 'GET /status HTTP/1.1\r\n\r\n', 400],
    [
      'two tokens',
      'GET /status HTTP/1.1\r\nhost: localhost\r\nauthorization: a\r\nauthorization: b\r\n\r\n',
      400,
    ],
    ['another place', 'GET http://evil.example/status HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['two slashes', 'GET //evil.example/status HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    [
      'two lengths',
      'POST /explain HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a bare LF', 'GET /status HTTP/1.1\nhost: localhost\n\n', 400],
    ['a large head', `GET /status HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['not HTTP at all', '\x16\x03\x01\x02\x00\x01\r\n\r\n', 400],
  ])('%s is refused, and the connection is closed or clean', async (_, text, status) => {
    const client = await connect(port(open));
    client.write(text);
    expect((await client.response()).status).toBe(status);
    client.destroy();
  });

  it('what was not read of a body is no next request', async () => {
    const client = await connect(port(open));
    client.write(
      `POST /explain HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 70000\r\n\r\nGET /status HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    );
    const answer = await client.response();
    expect([answer.status, answer.header('connection')]).toEqual([415, 'close']);
    client.destroy();
  });
});

describe('what would fill the memory', () => {
  it.each([
    ['a large body', { 'content-length': '70000' }, 413],
    ['a large body in chunks', { 'transfer-encoding': 'chunked' }, 413],
    ['a compressed body', { 'content-encoding': 'gzip' }, 415],
  ])('%s is refused', async (_, headers, status) => {
    const body = ' '.repeat(70_000);
    const answer = await askAdmin(open.adminAddress!, '/explain', { method: 'POST', body, headers });
    expect(answer.status).toBe(status);
  });

  it.each([
    ['deep', '['.repeat(30_000)],
    ['no JSON', '{"url":'],
    ['no object', '7'],
    ['a name of every object', '{"__proto__": {"url": "/x"}}'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]).toString('latin1')],
  ])('a body that is %s is refused', async (_, body) => {
    const answer = await askAdmin(open.adminAddress!, '/explain', { method: 'POST', body });
    expect([answer.status, answer.json().error.code]).toEqual([400, 'STICKY_ADMIN_REFUSED']);
  });

  it('a body that never comes keeps nobody else out, and is given up', async () => {
    const slow: RawClient[] = [];
    for (let at = 0; at < 140; at++) {
      const client = await connect(port(open));
      client.write('POST /explain HTTP/1.1\r\nhost: localhost\r\n');
      slow.push(client);
    }
    // There are more connections than may be: the oldest that nothing is done for has gone.
    expect((await askAdmin(open.adminAddress!, '/status')).status).toBe(200);
    await until('the first to be closed', () => slow[0]!.isClosed);
    for (const client of slow) client.destroy();
  });

  it('200 readers of events that never read cost a bound, and the operator comes in', async () => {
    const readers: RawClient[] = [];
    const before = process.memoryUsage.rss();
    for (let at = 0; at < 200; at++) {
      const client = await connect(port(open));
      client.socket.pause();
      client.write('GET /events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n');
      readers.push(client);
    }
    const operations = open.operations.as('x'.repeat(20_000));
    for (let at = 0; at < 500; at++) {
      await operations.drain('default', 'api-2');
      await operations.enable('default', 'api-2');
    }
    expect((await askAdmin(open.adminAddress!, '/status')).status).toBe(200);
    // 1000 events of 20 kB for 64 readers would be 1.3 GB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(300 * 1024 * 1024);
    for (const client of readers) client.destroy();
    await until('room for a reader again', async () => {
      const events = followEvents(open.adminAddress!);
      return until('a snapshot', () => events.snapshots.length > 0, 200).then(
        () => true,
        () => false,
      );
    });
  });
});

describe('a socket file', () => {
  it('is for its user alone, goes with the gateway, and one that a dead gateway left is replaced', async () => {
    const path = join(folder, 'a.sock');
    const first = await gateway({ listen: `unix:${path}` });
    expect([first.adminAddress, statSync(path).mode & 0o777]).toEqual([`unix:${path}`, 0o600]);
    const drained = await askAdmin(first.adminAddress!, DRAIN, { body: {} });
    expect([drained.status, drained.json().upstream.standing]).toEqual([200, 'leaving']);
    await expect(gateway({ listen: `unix:${path}` })).rejects.toMatchObject({
      code: 'STICKY_LISTEN_FAILED',
      message: expect.stringContaining('another process listens'),
    });
    await first.close();
    expect(existsSync(path)).toBe(false);
    await leaveSocket(path);
    expect(existsSync(path)).toBe(true);
    const second = await gateway({ listen: `unix:${path}` });
    expect((await askAdmin(second.adminAddress!, '/status')).status).toBe(200);
  });

  it('never takes the place of a file', async () => {
    const path = join(folder, 'precious');
    writeFileSync(path, 'precious');
    await expect(gateway({ listen: `unix:${path}` })).rejects.toThrow(/is no socket/);
    expect(statSync(path).isFile()).toBe(true);
  });
});

/** What a process leaves behind that was killed: a socket file at which nobody listens. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.tmp`, resolve));
  const { linkSync } = await import('node:fs');
  linkSync(`${path}.tmp`, path);
  await new Promise((resolve) => server.close(resolve));
}
