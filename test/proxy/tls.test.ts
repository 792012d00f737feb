import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../src/control/index.js';
import { freePort } from '../support/ports.js';
import { connect, request, type RawClient } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { within } from '../support/until.js';
import { settingsOf, startTestGateway } from './gateway.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const LOCALHOST = { cert: file('../config/tls/cert.pem'), key: file('../config/tls/key.pem') };
const OTHER = { cert: file('tls/cert.pem'), key: file('tls/key.pem') };

const certificateOf = (client: RawClient): unknown =>
  (client.socket as TLSSocket).getPeerCertificate().subject?.CN;

describe('listening with TLS', () => {
  it('serves, tells the upstream, and makes its cookie Secure', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { tls: LOCALHOST, affinity: ['cookie'] });
    expect(gateway.address).toBe(`https://127.0.0.1:${gateway.port}`);
    const client = await connect(gateway.port, {
      tls: { rejectUnauthorized: true, ca: readFileSync(LOCALHOST.cert) },
    });
    const answer = await client.request();
    expect([answer.status, answer.header('set-cookie')]).toEqual([200, expect.stringContaining('Secure')]);
    expect(upstream.seen[0]!.header('x-forwarded-proto')).toBe('https');
    const body = 'a'.repeat(2_000_000);
    expect((await client.request({ method: 'POST', body })).json()).toMatchObject({ bodyBytes: body.length });
  });

  it.each([
    [['http/1.0'], 'http/1.0'],
    [['h2', 'http/1.0', 'http/1.1'], 'http/1.1'],
    [[], false],
  ])('a client that offers %j by ALPN speaks %s', async (ALPNProtocols, spoken) => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { tls: LOCALHOST, http2: false });
    const client = await connect(gateway.port, { tls: { ALPNProtocols } });
    expect((client.socket as TLSSocket).alpnProtocol).toBe(spoken);
    expect((await client.request()).status).toBe(200);
  });

  it('a request in the clear gets a 400 that says so; anything else that is no TLS is closed', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { tls: LOCALHOST });
    for (const method of ['GET', 'POST']) {
      const client = await connect(gateway.port);
      client.send({ method });
      const answer = await client.response();
      expect([answer.status, answer.header('connection')]).toEqual([400, 'close']);
      expect(answer.text()).toContain('This port speaks HTTPS');
      expect(await client.closed()).toBe('end');
    }
    const other = await connect(gateway.port);
    other.write('SSH-2.0-OpenSSH_9.2\r\n');
    await other.closed();
    expect(other.received).toBe('');
    const secure = await connect(gateway.port, { tls: {} });
    expect((await secure.request()).status).toBe(200);
    expect(upstream.requests).toBe(1);
  });

  it('a new certificate is shown to new connections, and those that are open go on', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { tls: LOCALHOST });
    const before = await connect(gateway.port, { tls: {} });
    await gateway.operations.reload(readConfig(settingsOf([upstream], { tls: OTHER })));
    const after = await connect(gateway.port, { tls: {} });
    expect([certificateOf(before), certificateOf(after)]).toEqual(['localhost', 'other.example']);
    expect([(await before.request()).status, (await after.request()).status]).toEqual([200, 200]);
  });

  it('certificates are read once, with the configuration', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stickyroute-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    copyFileSync(OTHER.cert, tls.cert);
    copyFileSync(OTHER.key, tls.key);
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { tls: LOCALHOST });
    const config = readConfig(settingsOf([upstream], { tls }));
    rmSync(tls.key);
    expect(() => readConfig(settingsOf([upstream], { tls }))).toThrow('key.pem, which is not there');
    await gateway.operations.reload(config);
    const client = await connect(gateway.port, { tls: {} });
    expect([certificateOf(client), (await client.request()).status]).toEqual(['other.example', 200]);
  });

  it('attack: connections that never finish their handshake, or speak something else', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { tls: LOCALHOST, limits: { headTime: '200ms' } });
    for (const bytes of ['', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\x02\x00\x01']) {
      const socket = connectTcp(gateway.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
      socket.on('error', () => {}).resume();
      await within(
        `the end of ${JSON.stringify(bytes)}`,
        new Promise((resolve) => socket.once('close', resolve)),
      );
    }
    expect((await request(gateway.port, { tls: {} })).status).toBe(200);
    expect(upstream.requests).toBe(1);
  });

  it('an event stream is not cut while it moves, however long it lasts', async () => {
    const upstream = await startSecure((_incoming, answer) => {
      let count = 0;
      answer.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const timer = setInterval(() => {
        answer.write(`data: ${++count}\n\n`);
        if (count === 20) (clearInterval(timer), answer.end());
      }, 40);
    });
    const gateway = await startTestGateway(
      { secure: upstream },
      { tls: LOCALHOST, upstreamTls: { insecure: true }, limits: { bodyIdleTime: '200ms' } },
    );
    const answer = await request(gateway.port, { tls: {} });
    expect(answer.text().match(/data/g)).toHaveLength(20);
  });

  it('a body cut short upstream is cut short downstream', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'cut', framing: 'chunked' } });
    const gateway = await startTestGateway([upstream], { tls: LOCALHOST });
    const client = await connect(gateway.port, { tls: {} });
    client.send();
    await client.closed();
    expect(client.isCutShort || !client.received.endsWith('0\r\n\r\n')).toBe(true);
    expect(gateway.log).toMatchObject([{ status: 200, fault: 'closed' }]);
  });
});

const seen: number[] = [];
async function startSecure(listener: RequestListener, pair = LOCALHOST): Promise<string> {
  const server = createServer({ cert: readFileSync(pair.cert), key: readFileSync(pair.key) }, listener);
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  server.on('secureConnection', () => seen.push(port));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${port}`;
}

const echo: RequestListener = (incoming, answer) => void incoming.pipe(answer);

describe('upstreams with TLS', () => {
  it.each([
    ['checked against ca', { ca: LOCALHOST.cert }],
    ['insecure, said outright', { insecure: true }],
  ])('are met, %s, and their connections kept', async (_name, upstreamTls) => {
    const gateway = await startTestGateway({ secure: await startSecure(echo) }, { upstreamTls });
    const before = seen.length;
    const body = 'a'.repeat(1_000_000);
    for (let turn = 0; turn < 3; turn++)
      expect((await request(gateway.port, { method: 'POST', body })).body.length).toBe(body.length);
    expect(seen.length - before).toBe(1);
  });

  it.each([
    ['that nobody vouches for', LOCALHOST, {}],
    ['that another authority vouches for', LOCALHOST, { ca: OTHER.cert }],
    ["with another's name", OTHER, { ca: OTHER.cert }],
  ])('attack: an upstream %s gets no request', async (_name, pair, upstreamTls) => {
    let requests = 0;
    const gateway = await startTestGateway(
      { secure: await startSecure((incoming, answer) => (requests++, echo(incoming, answer)), pair) },
      { upstreamTls },
    );
    const answer = await request(gateway.port, {
      method: 'POST',
      headers: { Authorization: 'Bearer a' },
      body: 'a',
    });
    expect([answer.status, requests]).toEqual([503, 0]);
    expect(gateway.log).toMatchObject([{ fault: 'connect' }]);
  });

  it('that speak plain HTTP on that port are not reached', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway(
      { plain: upstream.url.replace('http:', 'https:') },
      { upstreamTls: { insecure: true }, limits: { connectTime: '200ms' } },
    );
    expect((await request(gateway.port)).status).toBe(503);
    expect(upstream.requests).toBe(0);
  });
});
