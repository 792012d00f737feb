import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/ports.js';
import { CLIENT_SIDES } from '../support/client-sides.js';
import { startUpstream } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

async function startBadCertificate(): Promise<string> {
  const server = createServer({
    cert: readFileSync(file('tls/cert.pem')),
    key: readFileSync(file('tls/key.pem')),
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `https://127.0.0.1:${port}`;
}

describe.each(CLIENT_SIDES)('over $version', (side) => {
  it.each([
    [
      'a refused port',
      async () => `http://127.0.0.1:${await freePort()}`,
      { status: 503, fault: 'connect', cause: 'ECONNREFUSED' },
    ],
    [
      'an unknown name',
      () => Promise.resolve('http://nowhere.invalid'),
      { status: 503, fault: 'connect', cause: expect.stringMatching(/^(?:ENOTFOUND|EAI_AGAIN)$/) as string },
    ],
    [
      'a certificate that nobody vouches for',
      startBadCertificate,
      { status: 503, fault: 'connect', cause: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    ],
    [
      'a reset',
      async () => (await startUpstream({ behaviour: { kind: 'drop', isReset: true } })).url,
      { status: 502, fault: 'closed', cause: 'ECONNRESET' },
    ],
  ])('the access log tells why an upstream gave no answer: %s', async (_name, start, line) => {
    const gateway = await startTestGateway({ api: await start() });
    await side.request(gateway.port);
    expect(gateway.log).toMatchObject([{ upstream: 'api', tries: 1, ...line }]);
  });

  it('a close in order has no cause, and an upstream that answers leaves none', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'drop' } });
    const gateway = await startTestGateway([upstream]);
    await side.request(gateway.port);
    upstream.behaviour = { kind: 'answer' };
    await side.request(gateway.port);
    expect(gateway.log).toMatchObject([{ fault: 'closed' }, { status: 200 }]);
    expect(gateway.log.map((line) => 'cause' in line)).toEqual([false, false]);
  });
});
