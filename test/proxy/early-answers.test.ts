import fastify from 'fastify';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { CLIENT_SIDES } from '../support/client-sides.js';
import { startTestGateway } from './gateway.js';

const UPLOADS = 50;

const app = fastify({ bodyLimit: 1024 });
app.post('/', () => 'taken');
app.get('/', () => 'here');
const port = await freePort();
await app.listen({ port, host: '127.0.0.1' });
afterAll(() => app.close());

describe.each(CLIENT_SIDES)('over $version', (side) => {
  it.each([
    ['with a length', 8 * 1024 * 1024],
    ['without one', undefined],
  ])('an upload that is refused while it comes, %s: the client gets the 413', async (_name, length) => {
    const gateway = await startTestGateway(
      { app: `http://127.0.0.1:${port}` },
      { passive: { maxFails: 3, failTimeout: '30s' } },
    );
    const statuses: number[] = [];
    for (let upload = 0; upload < UPLOADS; upload++) {
      const client = await side.open(gateway.port);
      const headers: [string, string][] = [['Content-Type', 'application/json']];
      if (length !== undefined) headers.push(['Content-Length', String(length)]);
      const request = client.begin({ method: 'POST', headers }, true);
      const piece = Buffer.alloc(256 * 1024);
      for (let sent = 0; sent < 32; sent++) request.write(piece);
      const answer = await request.answer();
      statuses.push(answer.status);
      client.close();
    }
    expect(statuses).toEqual(Array.from({ length: UPLOADS }, () => 413));
    // Nobody was blamed for it.
    expect((await side.request(gateway.port)).text()).toBe('here');
    expect(gateway.log.filter((line) => 'fault' in line)).toEqual([]);
  });
});
