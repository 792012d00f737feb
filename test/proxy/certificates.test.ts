import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/control/index.js';
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
