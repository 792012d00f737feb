import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import type { ConnectTarget, Engine } from '../../src/proxy/wire.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
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

  it('is looked up again after upstreamAddressTime, and keeps its address where the name still has it', async () => {
    const port = await startTwo();
    const { engine, asked } = turning(['127.0.0.1', '127.0.0.2']);
    const preferred: (string | undefined)[] = [];
    const clock = createManualClock();
    const gateway = await startTestGateway(
      { 'api-1': `http://app.example:${port}` },
      { limits: { upstreamIdleConnections: 0, upstreamAddressTime: '30s' } },
      {
        clock,
        engine: {
          listen: engine.listen,
          connect(target, handler) {
            preferred.push(target.preferredAddress);
            return engine.connect(target, handler);
          },
        },
      },
    );
    gateways.push(gateway);
    await request(gateway.port);
    clock.advance(29_000);
    await request(gateway.port);
    clock.advance(2000);
    await request(gateway.port);
    expect(asked).toEqual(['app.example', '127.0.0.1', 'app.example']);
    expect(preferred).toEqual([undefined, undefined, '127.0.0.1']);
  });
});

it('a connection takes no request when it is older than upstreamLifeTime, however steady the traffic', async () => {
  const upstream = await startUpstream();
  const clock = createManualClock();
  const gateway = await startTestGateway([upstream], { limits: { upstreamLifeTime: '60s' } }, { clock });
  gateways.push(gateway);
  for (let turn = 0; turn < 20; turn++) {
    expect((await request(gateway.port)).status).toBe(200);
    clock.advance(10_000);
  }
  // 200 s in pieces of 60 s, each of which ends with the request after it.
  expect(upstream.accepted).toBe(3);
});

it("the system's look-up puts the preferred address first where the name has it", async () => {
  const port = await startTwo();
  const reached = (preferredAddress: string) =>
    new Promise<string>((resolve) => {
      const wire = nodeEngine.connect(
        { host: 'localhost', port, tls: undefined, http2: false, preferredAddress },
        {
          onConnect(address = '') {
            resolve(address);
            wire.destroy();
          },
          onBytes: () => false,
          onDrain() {},
          onEnd() {},
          onClose: (error) => resolve(String(error)),
        },
      );
    });
  expect(await reached('127.0.0.1')).toBe('127.0.0.1');
  expect(await reached('192.0.2.1')).toBe('127.0.0.1');
});
