import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import type { ConnectTarget, Engine } from '../../src/proxy/wire.js';
import { request } from '../support/raw-client.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const servers: Server[] = [];
const gateways: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  for (const server of servers.splice(0)) (server.close(), server.closeAllConnections());
});

/** The same port at two addresses of this machine: what a name with two addresses leads to. */
async function startTwo(): Promise<number> {
  const listen = (host: string, port: number) =>
    new Promise<number>((resolve, reject) => {
      const server = createServer((_, answer) => answer.end(host));
      servers.push(server);
      server.once('error', reject);
      server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
    });
  const port = await listen('127.0.0.1', 0);
  await listen('127.0.0.2', port);
  return port;
}

/** A name server that answers with both addresses, the first of them another one each time. */
function turning(addresses: readonly string[]): { engine: Engine; asked: string[] } {
  const asked: string[] = [];
  let turn = 0;
  const engine: Engine = {
    listen: nodeEngine.listen,
    connect(target: ConnectTarget, handler) {
      asked.push(target.host);
      if (target.host !== 'app.example') return nodeEngine.connect(target, handler);
      return nodeEngine.connect({ ...target, host: addresses[turn++ % addresses.length]! }, handler);
    },
  };
  return { engine, asked };
}

describe('an upstream whose name has two addresses', () => {
  it('is one of them: a user is not sent to both', async () => {
    const port = await startTwo();
    const { engine, asked } = turning(['127.0.0.1', '127.0.0.2']);
    const gateway = await startTestGateway(
      { 'api-1': `http://app.example:${port}` },
      { limits: { upstreamIdleConnections: 0 } },
      { engine },
    );
    gateways.push(gateway);
    for (let turn = 0; turn < 6; turn++) expect((await request(gateway.port)).text()).toBe('127.0.0.1');
    expect(asked).toEqual(['app.example', ...Array(5).fill('127.0.0.1')]);
  });

  it('is looked up again when the address takes no more connections', async () => {
    const port = await startTwo();
    const { engine } = turning(['127.0.0.1', '127.0.0.2']);
    const gateway = await startTestGateway(
      { 'api-1': `http://app.example:${port}` },
      { limits: { upstreamIdleConnections: 0 } },
      { engine },
    );
    gateways.push(gateway);
    expect((await request(gateway.port)).text()).toBe('127.0.0.1');
    await new Promise((resolve) => servers[0]!.close(resolve));
    expect((await request(gateway.port)).status).toBe(503);
    expect((await request(gateway.port)).text()).toBe('127.0.0.2');
  });
});
