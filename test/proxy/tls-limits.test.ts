import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/control/index.js';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { within } from '../support/until.js';
import { settingsOf, startTestGateway } from './gateway.js';

const file = (name: string): string => fileURLToPath(new URL(`../config/tls/${name}`, import.meta.url));
const PAIR = { cert: file('cert.pem'), key: file('key.pem') };

const upstream = await startUpstream();
const serve = (tls: object = {}, settings: object = {}) =>
  startTestGateway([upstream], { tls: { ...PAIR, ...tls }, ...settings });

/** Undefined: there was no handshake. */
function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket | undefined> {
  return new Promise((resolve) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    socket.once('secureConnect', () => resolve(socket));
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
  });
}

async function protocolWith(port: number, options: ConnectionOptions = {}): Promise<string | undefined> {
  const socket = await handshake(port, options);
  // A client of TLS 1.3 is content before its server is.
  const protocol = socket?.getProtocol() ?? undefined;
  socket?.destroy();
  return protocol;
}

/** What another client would do: old things need a lower level of security on its own side, too. */
const OLD = { ciphers: 'ALL:@SECLEVEL=0', minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const;

describe('attack: handshakes without end', () => {
  it('renegotiation of TLS 1.2 ends the connection at the first attempt', async () => {
    const gateway = await serve();
    const socket = (await handshake(gateway.port, { maxVersion: 'TLSv1.2' }))!;
    let done = 0;
    const again = (): void =>
      void socket.renegotiate({ rejectUnauthorized: false }, (error) => {
        if (error) return;
        done++;
        again();
      });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    again();
    await within('the end of the connection', closed);
    expect(done).toBeLessThanOrEqual(1);
    expect((await request(gateway.port, { tls: {} })).status).toBe(200);
  });

  it.each([
    [
      'that comes byte by byte',
      (socket: ReturnType<typeof connectTcp>, at: number) =>
        void socket.write(HELLO.subarray(at % HELLO.length, (at % HELLO.length) + 1)),
    ],
    ['of records without end', (socket: ReturnType<typeof connectTcp>) => void socket.write(ENDLESS)],
    [
      'that is none: HTTP in the clear',
      (socket: ReturnType<typeof connectTcp>) => void socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    ],
  ])('a greeting %s is over within headTime', async (_title, send) => {
    const gateway = await serve({}, { limits: { headTime: '500ms' } });
    const socket = connectTcp(gateway.port, '127.0.0.1');
    let sent = 0;
    const sending = setInterval(() => send(socket, sent++), 20);
    const closed = new Promise<void>((resolve) =>
      socket.on('error', () => {}).once('close', () => resolve()),
    );
    socket.resume();
    await within('the end of the connection', closed).finally(() => clearInterval(sending));
    expect((await request(gateway.port, { tls: {} })).status).toBe(200);
  });
});

/** The head of a handshake record that announces 16 000 bytes, and of a ClientHello in it. */
const HELLO = Buffer.concat([
  Buffer.from('160301' + '3e80' + '01003e7c' + '0303', 'hex'),
  Buffer.alloc(16_000),
]);
/** Record after record of one ClientHello that is 16 MiB long. */
const ENDLESS = Buffer.concat([
  Buffer.from('160301' + '4000' + '01ffffff' + '0303', 'hex'),
  Buffer.alloc(16_378),
]);

describe('versions and ciphers', () => {
  it('TLS 1.2 and 1.3 are spoken, nothing older, and only ciphers with forward secrecy', async () => {
    const { port } = await serve();
    expect(await protocolWith(port)).toBe('TLSv1.3');
    expect(await protocolWith(port, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    expect(await protocolWith(port, OLD)).toBeUndefined();
    for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES256-SHA384'])
      expect(await protocolWith(port, { ciphers, maxVersion: 'TLSv1.2' }), ciphers).toBeUndefined();
  });

  it('are those of the configuration, and those of a reload from then on', async () => {
    const gateway = await serve({ minVersion: 'TLSv1.3' });
    expect(await protocolWith(gateway.port, { maxVersion: 'TLSv1.2' })).toBeUndefined();
    const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    await gateway.operations.reload(
      readConfig(settingsOf([upstream], { tls: { ...PAIR, ciphers: cipher } })),
    );
    const socket = (await handshake(gateway.port, { maxVersion: 'TLSv1.2' }))!;
    expect(socket.getCipher().name).toBe(cipher);
    socket.destroy();
    // Those of TLS 1.3 have names of their own, and all of them are offered unless some are named.
    expect(await protocolWith(gateway.port)).toBe('TLSv1.3');
  });

  it('a list of TLS 1.3 alone offers nothing older', async () => {
    const { port } = await serve({ ciphers: 'TLS_AES_128_GCM_SHA256' });
    expect(await protocolWith(port, { maxVersion: 'TLSv1.2' })).toBeUndefined();
    const socket = (await handshake(port))!;
    expect(socket.getCipher().name).toBe('TLS_AES_128_GCM_SHA256');
    socket.destroy();
  });

  it('ALPN: HTTP/2 unless it is off, HTTP/1.1 before HTTP/1.0, and each alone', async () => {
    const both = await serve();
    const without = await serve({}, { http2: false });
    for (const [{ port }, offered, chosen] of [
      [both, ['http/1.1', 'h2'], 'h2'],
      [both, ['http/1.0', 'http/1.1'], 'http/1.1'],
      [without, ['h2', 'http/1.0', 'http/1.1'], 'http/1.1'],
      [without, ['http/1.0'], 'http/1.0'],
    ] as const) {
      const socket = (await handshake(port, { ALPNProtocols: [...offered] }))!;
      expect(socket.alpnProtocol).toBe(chosen);
      socket.destroy();
    }
  });
});
