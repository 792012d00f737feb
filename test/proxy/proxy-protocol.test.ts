import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

/** A load balancer of ours. */
const BALANCER = '127.0.0.2';
const LINE = 'PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n';
const BINARY = Buffer.from('0d0a0d0a000d0a515549540a2111000ccb007109c000020104d201bb', 'hex');
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

function file(name: string): string {
  return fileURLToPath(new URL(`../config/tls/${name}`, import.meta.url));
}

const upstream = await startUpstream();
const settings = { trustedProxies: [BALANCER], proxyProtocol: true, limits: { headTime: '400ms' } };
const plain = await startTestGateway([upstream], settings);
const secure = await startTestGateway([upstream], {
  ...settings,
  tls: { cert: file('cert.pem'), key: file('key.pem') },
});

function seenClient(): string | undefined {
  return upstream.seen.at(-1)?.header('x-forwarded-for');
}

describe('connections of a load balancer with the PROXY protocol', () => {
  it.each([
    ['a line', LINE, '203.0.113.9'],
    ['bytes', BINARY, '203.0.113.9'],
    ['of itself', LOCAL, BALANCER],
  ])('tell whose they are: %s', async (_, header, client) => {
    const connection = await connect(plain.port, { localAddress: BALANCER });
    connection.write(header);
    expect((await connection.request({ target: '/one' })).status).toBe(200);
    expect(seenClient()).toBe(client);
    // And for the next request on it.
    await connection.request({ target: '/two' });
    expect(seenClient()).toBe(client);
    expect(plain.log.at(-1)).toMatchObject({ path: '/two', client });
  });

  it('may bring the header and the request in any pieces', async () => {
    const whole = Buffer.concat([BINARY, Buffer.from('GET /piece HTTP/1.1\r\nHost: a\r\n\r\n')]);
    for (let cut = 1; cut < whole.length; cut += 3) {
      const connection = await connect(plain.port, { localAddress: BALANCER });
      connection.write(whole.subarray(0, cut));
      await new Promise(setImmediate);
      connection.write(whole.subarray(cut));
      connection.expect('GET');
      expect((await connection.response()).status).toBe(200);
      expect(seenClient()).toBe('203.0.113.9');
      connection.destroy();
    }
  });

  it('are met with TLS behind the header', async () => {
    const raw = connectTcp({ port: secure.port, host: '127.0.0.1', localAddress: BALANCER });
    await once(raw, 'connect');
    raw.write(LINE);
    const socket = connectTls({ socket: raw, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.write('GET /tls HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await until('the answer', () => upstream.seen.at(-1)?.target === '/tls');
    expect([seenClient(), upstream.seen.at(-1)?.header('x-forwarded-proto')]).toEqual([
      '203.0.113.9',
      'https',
    ]);
    socket.destroy();
  });

  it('carry HTTP/2 behind the header', async () => {
    const raw = connectTcp({ port: plain.port, host: '127.0.0.1', localAddress: BALANCER });
    await once(raw, 'connect');
    raw.write(BINARY);
    const session = connectHttp2('http://localhost', { createConnection: () => raw });
    const stream = session.request({ ':path': '/h2' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect([headers[':status'], seenClient()]).toEqual([200, '203.0.113.9']);
    session.destroy();
  });

  it('are closed without one, and the log says why', async () => {
    const connection = await connect(plain.port, { localAddress: BALANCER });
    connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await connection.closed();
    expect(connection.received).toBe('');
    expect(plain.log.map((line) => line['msg'])).toContainEqual(
      expect.stringContaining('127.0.0.2 is a trusted proxy and sent no header of the PROXY protocol'),
    );
  });

  it('are closed when the header does not come in time', async () => {
    const connection = await connect(plain.port, { localAddress: BALANCER });
    connection.write(LINE.slice(0, 10));
    await connection.closed();
  });
});

describe('connections of anybody else', () => {
  it('have no header', async () => {
    expect((await request(plain.port, { localAddress: '127.0.0.9' })).status).toBe(200);
    expect(seenClient()).toBe('127.0.0.9');
  });

  it.each([
    ['a line', LINE],
    ['bytes', BINARY],
  ])('attack: claim another address with %s', async (_, header) => {
    const before = upstream.requests;
    const connection = await connect(plain.port, { localAddress: '127.0.0.9' });
    connection.write(header);
    connection.write('GET /forged HTTP/1.1\r\nHost: a\r\n\r\n');
    connection.expect('GET');
    expect((await connection.response()).status).toBe(400);
    expect(upstream.requests).toBe(before);
  });
});
