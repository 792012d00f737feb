import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connect, type RawClient } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/*
 * Bytes move all the time, but so slowly that the system takes new ones from the gateway only every few
 * seconds: it waits until a third of what it holds for the connection has gone.
 */
const LIMITS = { bodyIdleTime: '600ms', answerTime: '600ms' };
const STEP_MS = 100;
/** Several times the limits. */
const LONG_MS = 4000;
const BODY_BYTES = 64 * 1024 * 1024;

const gateways: TestGateway[] = [];
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  for (const server of servers.splice(0)) server.close();
});

/** Reads one piece each `STEP_MS`; answers how many bytes came so far. */
function sip(socket: Socket): { bytes(): number; stop(): void } {
  let bytes = 0;
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length;
    socket.pause();
  });
  const timer = setInterval(() => socket.resume(), STEP_MS);
  return {
    bytes: () => bytes,
    stop: () => {
      clearInterval(timer);
      socket.removeAllListeners('data');
      socket.on('data', () => {});
      socket.resume();
    },
  };
}

async function long(what: string, isGoingOn: () => boolean): Promise<void> {
  const startedAt = performance.now();
  await until(what, () => !isGoingOn() || performance.now() - startedAt > LONG_MS, LONG_MS * 3);
  expect(isGoingOn(), what).toBe(true);
}

/** Uploads without end, as fast as the gateway takes it. */
function pour(client: RawClient, head: string): void {
  client.write(head);
  const piece = Buffer.alloc(64 * 1024, 'a');
  let left = BODY_BYTES;
  const more = (): void => {
    while (left > 0 && !client.socket.destroyed) {
      left -= piece.length;
      if (!client.write(piece)) break;
    }
  };
  client.socket.on('drain', more);
  more();
}

/** An upstream that reads in sips, and writes `early` at once. */
async function startSipping(early: string) {
  const sips: ReturnType<typeof sip>[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (early !== '') socket.write(early);
    sips.push(sip(socket));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sips };
}

describe('slow but steady is not cut', () => {
  it('a client that reads its answer so', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'flood', bodyBytes: BODY_BYTES } });
    const gateway = await startTestGateway([upstream], { limits: LIMITS });
    gateways.push(gateway);
    const client = await connect(gateway.port);
    client.send();
    const sips = sip(client.socket);
    await long('the answer', () => gateway.log.length === 0 && !client.isClosed);
    sips.stop();
    client.destroy();
  }, 30_000);

  it.each([
    ['before its answer', ''],
    ['behind the head of its answer', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'],
  ])(
    'an upstream that reads a request so, %s',
    async (_name, early) => {
      const { url, sips } = await startSipping(early);
      const gateway = await startTestGateway({ 'api-1': url }, { limits: LIMITS });
      gateways.push(gateway);
      const client = await connect(gateway.port);
      pour(client, `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
      await long('the upload', () => gateway.log.length === 0 && !client.isClosed);
      sips[0]!.stop();
      client.destroy();
    },
    30_000,
  );
});

describe('what stands still is', () => {
  it('a client that stops reading', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'flood', bodyBytes: BODY_BYTES } });
    const gateway = await startTestGateway([upstream], { limits: LIMITS });
    gateways.push(gateway);
    const client = await connect(gateway.port);
    client.socket.pause();
    client.send();
    await until('it to be let go', () => gateway.log.length === 1, 10_000);
    expect(gateway.log).toMatchObject([{ status: 499 }]);
    client.destroy();
  });

  it('an upstream that stops reading', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'deaf' } });
    const gateway = await startTestGateway([upstream], { limits: LIMITS });
    gateways.push(gateway);
    const client = await connect(gateway.port);
    pour(client, `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
    await until('it to be given up', () => gateway.log.length === 1, 10_000);
    expect(gateway.log).toMatchObject([{ status: 504 }]);
    client.destroy();
  });
});
