import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const servers: Server[] = [];
const gateways: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  for (const server of servers.splice(0)) (server.close(), server.closeAllConnections());
});

/** Logs a connection in, not a request: as NTLM and Negotiate do (RFC 4559 §5). */
async function startApp(scheme: string, challenge = { status: 401, field: 'WWW-Authenticate' }) {
  const users = new WeakMap<Socket, string>();
  const connections = new Set<Socket>();
  const server = createServer((asked, answer) => {
    const { socket } = asked;
    const given = asked.headers.authorization ?? '';
    if (given.toLowerCase().startsWith(`${scheme.toLowerCase()} `)) {
      const step = given.slice(scheme.length + 1);
      if (step === 'hello') {
        answer.writeHead(challenge.status, { [challenge.field]: `${scheme} challenge` }).end();
        return;
      }
      users.set(socket, step);
    }
    const user = users.get(socket);
    if (asked.url === '/public') answer.end(`public ${user ?? 'nobody'}`);
    else if (user === undefined) answer.writeHead(challenge.status, { [challenge.field]: scheme }).end();
    else answer.end(user);
  });
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

async function setUp(scheme: string, challenge?: { status: number; field: string }) {
  const app = await startApp(scheme, challenge);
  const gateway = await startTestGateway({ 'api-1': app.url });
  gateways.push(gateway);
  return { app, gateway };
}

describe.each(['NTLM', 'Negotiate', 'nTLM'])(
  'attack: a connection that another client has logged in (%s)',
  (scheme) => {
    it('is never given to the next client', async () => {
      const { gateway } = await setUp(scheme);
      const alice = await connect(gateway.port);
      expect((await alice.request()).status).toBe(401);
      expect((await alice.request({ headers: { Authorization: `${scheme} hello` } })).status).toBe(401);
      expect((await alice.request({ headers: { Authorization: `${scheme} alice` } })).text()).toBe('alice');
      for (let turn = 0; turn < 5; turn++) {
        expect((await request(gateway.port)).status).toBe(401);
        expect((await request(gateway.port, { target: '/public' })).text()).toBe('public nobody');
        // Hers stays logged in, request after request.
        expect((await alice.request()).text()).toBe('alice');
      }
      alice.destroy();
      expect((await request(gateway.port)).status).toBe(401);
    });

    it('nor when the client knew beforehand, and no challenge was needed', async () => {
      const { gateway } = await setUp(scheme);
      // A connection waits that others used before.
      await request(gateway.port, { target: '/public' });
      const alice = await connect(gateway.port);
      expect((await alice.request({ headers: { Authorization: `${scheme} alice` } })).text()).toBe('alice');
      expect((await request(gateway.port, { target: '/public' })).text()).toBe('public nobody');
      expect((await alice.request()).text()).toBe('alice');
      const bob = await connect(gateway.port);
      expect((await bob.request({ headers: { Authorization: `${scheme} bob` } })).text()).toBe('bob');
      expect((await alice.request()).text()).toBe('alice');
      expect((await bob.request()).text()).toBe('bob');
    });

    it('ends with its client', async () => {
      const { app, gateway } = await setUp(scheme);
      const alice = await connect(gateway.port);
      await alice.request({ headers: { Authorization: `${scheme} alice` } });
      expect(app.connections.size).toBe(1);
      alice.destroy();
      await until('the connection to be closed', () => app.connections.size === 0);
    });
  },
);

it('407 counts as well', async () => {
  const { gateway } = await setUp('NTLM', { status: 407, field: 'Proxy-Authenticate' });
  const alice = await connect(gateway.port);
  await alice.request({ headers: { Authorization: 'NTLM hello' } });
  expect((await alice.request({ headers: { Authorization: 'NTLM alice' } })).text()).toBe('alice');
  expect((await request(gateway.port, { target: '/public' })).text()).toBe('public nobody');
});

it('other logins are of a request, and share connections as ever', async () => {
  const { app, gateway } = await setUp('NTLM');
  for (let turn = 0; turn < 5; turn++)
    await request(gateway.port, { target: '/public', headers: { Authorization: 'Basic YTpi' } });
  expect(app.connections.size).toBe(1);
});
