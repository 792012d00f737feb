import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import type { Engine, Wire } from '../../src/proxy/wire.js';
import { connect } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/*
 * Attack: requests one behind the other, whose answers the client never reads. What the gateway holds for it
 * must stay within a bound, whoever writes the answers, and so must the time that it waits.
 */
const TLS_FOLDER = fileURLToPath(new URL('tls/', import.meta.url));
const REQUESTS = 100_000;
const HELD_BYTES_MAX = 2 * 1024 * 1024;

const gateways: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
});

/** An engine that shows the wires of clients. */
function watched(): { engine: Engine; wires: Wire[] } {
  const wires: Wire[] = [];
  const engine: Engine = {
    connect: nodeEngine.connect,
    listen: (target, accept) =>
      nodeEngine.listen(target, (wire, isSecure) => {
        wires.push(wire);
        return accept(wire, isSecure);
      }),
  };
  return { engine, wires };
}

async function setUp(limits: object, settings: object = {}) {
  const upstream = await startUpstream({ behaviour: { kind: 'answer', body: 'a'.repeat(1000) } });
  const down = await startUpstream();
  await down.stop();
  const { engine, wires } = watched();
  const gateway = await startTestGateway(
    [],
    {
      pools: { well: { upstreams: { 'api-1': upstream.url } }, gone: { upstreams: { gone: down.url } } },
      routes: [
        { match: { host: 'known.example' }, pool: 'well', affinity: [] },
        { match: { host: 'gone.example' }, pool: 'gone', affinity: [] },
      ],
      limits,
      ...settings,
    },
    { engine },
  );
  gateways.push(gateway);
  return { gateway, wires, upstream };
}

describe('attack: pipelined requests whose answers are never read', () => {
  it.each([
    ['an upstream answers', 'GET / HTTP/1.1\r\nHost: known.example\r\n\r\n'],
    ['no route has them', 'GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n'],
    ['the method is refused', 'TRACE / HTTP/1.1\r\nHost: known.example\r\n\r\n'],
    ['no upstream is up', 'GET / HTTP/1.1\r\nHost: gone.example\r\n\r\n'],
  ])(
    'are not begun beyond a bound, and the client runs into a time limit: %s',
    async (_name, text) => {
      const { gateway, wires } = await setUp({ bodyIdleTime: '300ms' });
      const client = await connect(gateway.port);
      client.socket.pause();
      client.write(text.repeat(REQUESTS));
      let most = 0;
      await until(
        'the gateway to end it',
        () => {
          most = Math.max(most, wires[0]?.bufferedBytes ?? 0);
          return wires[0]?.isOpen === false;
        },
        40_000,
      );
      expect(most).toBeLessThan(HELD_BYTES_MAX);
      expect(gateway.log.length).toBeLessThan(REQUESTS);
      client.destroy();
    },
    60_000,
  );

  it('nor over TLS', async () => {
    const tls = { cert: `${TLS_FOLDER}cert.pem`, key: `${TLS_FOLDER}key.pem` };
    const { gateway, wires } = await setUp({ bodyIdleTime: '300ms' }, { tls });
    const client = await connect(gateway.port, { tls: {} });
    client.socket.pause();
    client.write('GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n'.repeat(REQUESTS));
    let most = 0;
    await until(
      'the gateway to end it',
      () => {
        most = Math.max(most, wires[0]?.bufferedBytes ?? 0);
        return wires[0]?.isOpen === false;
      },
      40_000,
    );
    expect(most).toBeLessThan(HELD_BYTES_MAX);
    client.destroy();
  }, 60_000);

  it('go on where the client reads again, in order and all of them', async () => {
    const { gateway, wires } = await setUp({ bodyIdleTime: '1h' });
    const count = 20_000;
    const client = await connect(gateway.port);
    client.socket.pause();
    let asked = '';
    for (let at = 0; at < count; at++) {
      const host = at % 2 === 0 ? 'known.example' : 'unknown.example';
      asked += `GET /${at} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    }
    client.write(asked);
    await until('answers to wait', () => wires[0]!.bufferedBytes > 0);
    client.socket.resume();
    for (let at = 0; at < count; at++)
      expect((await client.response(20_000)).status).toBe(at % 2 === 0 ? 200 : 404);
  }, 60_000);
});
