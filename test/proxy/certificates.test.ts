import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/control/index.js';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { settingsOf, startTestGateway } from './gateway.js';

function pair(folder: string, name = ''): { cert: string; key: string } {
  const path = (file: string): string => fileURLToPath(new URL(`${folder}/${name}${file}`, import.meta.url));
  return { cert: path('cert.pem'), key: path('key.pem') };
}

const LOCALHOST = pair('../config/tls');
const OTHER = pair('tls');
const WILD = pair('tls', 'wild-');
const EXACT = pair('tls', 'exact-');
const upstream = await startUpstream();
const gateway = await startTestGateway([upstream], {
  tls: { certificates: [LOCALHOST, WILD, OTHER, EXACT] },
});

/** The subject of the certificate that a client gets who asks for this name. */
async function shown(servername: string | undefined, port = gateway.port): Promise<string> {
  const socket: TLSSocket = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(servername !== undefined && { servername }),
  });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

describe('several certificates', () => {
  it.each([
    [undefined, 'localhost'],
    ['localhost', 'localhost'],
    ['unknown.example', 'localhost'],
    ['other.example', 'other.example'],
    ['OTHER.example', 'other.example'],
    ['wild.example', 'wild.example'],
    ['b.wild.example', 'wild.example'],
    ['a.wild.example', 'a.wild.example'],
    // A wildcard covers one label.
    ['a.b.wild.example', 'localhost'],
  ])('a client that asks for %s gets that of %s', async (name, subject) => {
    expect(await shown(name)).toBe(subject);
    // And again, from what is remembered.
    expect(await shown(name)).toBe(subject);
  });

  it('a reload changes them for new connections', async () => {
    const own = await startTestGateway([upstream], { tls: { certificates: [LOCALHOST, OTHER] } });
    expect(await shown('wild.example', own.port)).toBe('localhost');
    const next = settingsOf([upstream], { tls: { certificates: [OTHER, WILD] } });
    await own.operations.reload(readConfig(next));
    expect([await shown('wild.example', own.port), await shown('localhost', own.port)]).toEqual([
      'wild.example',
      'other.example',
    ]);
  });

  it('HTTP/2 asks on one connection for what its certificate covers, and gets 421 for the rest', async () => {
    const session = connectHttp2(`https://127.0.0.1:${gateway.port}`, {
      rejectUnauthorized: false,
      servername: 'b.wild.example',
    });
    const ask = async (authority: string): Promise<unknown> => {
      const stream = session.request({ ':path': '/', ':authority': authority });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      stream.close();
      return headers[':status'];
    };
    expect([await ask('b.wild.example'), await ask('c.wild.example'), await ask('other.example')]).toEqual([
      200, 200, 421,
    ]);
    session.destroy();
  });
});

describe('certificates of clients', () => {
  const CA = fileURLToPath(new URL('tls/client-ca.pem', import.meta.url));
  const own = {
    cert: readFileSync(fileURLToPath(new URL('tls/client-cert.pem', import.meta.url))),
    key: readFileSync(fileURLToPath(new URL('tls/client-key.pem', import.meta.url))),
  };
  /** One that nobody signed. */
  const stranger = { cert: readFileSync(OTHER.cert), key: readFileSync(OTHER.key) };
  const required = startTestGateway([upstream], { tls: { ...LOCALHOST, clientCa: CA } });
  const asked = startTestGateway([upstream], { tls: { ...LOCALHOST, clientCa: CA, clientCert: 'asked' } });

  it.each([
    ['no', {}],
    ['a strange', stranger],
  ])('turn away whoever has %s certificate, where one is required', async (_, pair) => {
    const before = upstream.requests;
    const { port } = await required;
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...pair });
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise<void>((closed) => socket.once('close', () => closed()));
    expect(upstream.requests).toBe(before);
  });

  it('tell the upstream whose it is, and nobody else can', async () => {
    const headers = { 'X-Client-Cert-Subject': 'CN=forged', 'Client-Cert': ':Zm9yZ2Vk:' };
    const { port } = await required;
    expect((await request(port, { tls: own, headers })).status).toBe(200);
    const seen = upstream.seen.at(-1)!;
    expect([seen.headers('x-client-cert-subject'), seen.headers('client-cert')]).toEqual([
      [String.raw`CN=alice,O=Example\, Ltd`],
      [],
    ]);
  });

  it.each([
    ['none', {}, []],
    ['a strange one', stranger, []],
    ['a good one', own, [String.raw`CN=alice,O=Example\, Ltd`]],
  ])('are only asked for, by choice: %s', async (_, pair, subject) => {
    const { port } = await asked;
    expect((await request(port, { tls: pair, headers: { 'X-Client-Cert-Subject': 'x' } })).status).toBe(200);
    expect(upstream.seen.at(-1)!.headers('x-client-cert-subject')).toEqual(subject);
  });

  it('are told once by a trusted proxy, which has one of its own', async () => {
    const tls = { ...LOCALHOST, clientCa: CA };
    const behind = await startTestGateway([upstream], { tls, trustedProxies: ['127.0.0.1'] });
    await request(behind.port, { tls: own, headers: { 'X-Client-Cert-Subject': 'CN=bob' } });
    expect(upstream.seen.at(-1)!.headers('x-client-cert-subject')).toEqual(['CN=bob']);
  });

  it('reach the upstream over HTTP/2, too', async () => {
    const { port } = await required;
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ...own });
    await once(session.request({ ':path': '/' }), 'response');
    expect(upstream.seen.at(-1)!.headers('x-client-cert-subject')).toHaveLength(1);
    session.destroy();
  });
});
