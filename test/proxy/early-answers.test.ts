import fastify from 'fastify';
import { afterAll, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { connect, request } from '../support/raw-client.js';
import { startTestGateway } from './gateway.js';

const UPLOADS = 50;

const app = fastify({ bodyLimit: 1024 });
app.post('/', () => 'taken');
app.get('/', () => 'here');
const port = await freePort();
await app.listen({ port, host: '127.0.0.1' });
afterAll(() => app.close());

it.each([
  ['with a length', `Content-Length: ${8 * 1024 * 1024}\r\n\r\n`],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n800000\r\n'],
])('an upload that is refused while it comes, %s: the client gets the 413', async (_name, framing) => {
  const gateway = await startTestGateway(
    { app: `http://127.0.0.1:${port}` },
    { passive: { maxFails: 3, failTimeout: '30s' } },
  );
  const statuses: number[] = [];
  for (let upload = 0; upload < UPLOADS; upload++) {
    const client = await connect(gateway.port);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${framing}`);
    const piece = Buffer.alloc(256 * 1024);
    for (let sent = 0; sent < 32; sent++) client.write(piece);
    const answer = await client.response();
    statuses.push(answer.status);
    client.destroy();
  }
  expect(statuses).toEqual(Array.from({ length: UPLOADS }, () => 413));
  // Nobody was blamed for it.
  expect((await request(gateway.port)).text()).toBe('here');
  expect(gateway.log.filter((line) => 'fault' in line)).toEqual([]);
});
