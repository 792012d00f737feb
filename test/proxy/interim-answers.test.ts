import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const servers: Server[] = [];
const gateways: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  for (const server of servers.splice(0)) server.close();
});

/** An upstream that does this with each request's connection. */
async function setUp(answer: (socket: Socket) => void, limits: object) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}));
    socket.on('data', () => answer(socket));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const gateway = await startTestGateway({ 'api-1': `http://127.0.0.1:${port}` }, { limits });
  gateways.push(gateway);
  return { gateway, sockets };
}

const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';

describe('attack: interim answers without end', () => {
  it('are counted', async () => {
    const { gateway, sockets } = await setUp(
      (socket) => {
        const more = (): void => {
          while (!socket.destroyed && socket.write(EARLY.repeat(100)));
        };
        socket.on('drain', more);
        more();
      },
      { answerTime: '1h' },
    );
    const client = await connect(gateway.port);
    client.send();
    await until('the gateway to have enough', () => gateway.log.some(({ status }) => status !== undefined));
    expect(gateway.log.at(-1)).toMatchObject({ status: 502, fault: 'too-many-interim' });
    await until('the upstream to be let go', () => sockets.size === 0);
    client.destroy();
  });

  it('as many as the limit allows pass', async () => {
    const { gateway } = await setUp(
      (socket) => socket.write(`${EARLY.repeat(3)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`),
      { interimAnswers: 3 },
    );
    expect((await request(gateway.port)).text()).toBe('ok');
    const { gateway: strict } = await setUp(
      (socket) => socket.write(`${EARLY.repeat(3)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`),
      { interimAnswers: 2 },
    );
    expect((await request(strict.port)).status).toBe(502);
  });

  it('are timed: they do not put the answer off, however steadily they come', async () => {
    let count = 0;
    const { gateway } = await setUp(
      (socket) => {
        const timer = setInterval(() => {
          count++;
          socket.write(EARLY);
        }, 20);
        socket.on('close', () => clearInterval(timer));
      },
      { answerTime: '200ms', interimAnswers: 1000 },
    );
    expect((await request(gateway.port)).status).toBe(504);
    expect(count).toBeGreaterThan(2);
  });

  it('wait for a client that does not read, and the time limits of both stay in force', async () => {
    const { gateway, sockets } = await setUp(
      (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nX-A: ${'a'.repeat(500_000)}\r\n\r\n`.repeat(100)),
      { answerTime: '200ms', bodyIdleTime: '200ms', interimAnswers: 1000, headBytes: '1MiB' },
    );
    const client = await connect(gateway.port);
    client.socket.pause();
    client.send();
    await until('the gateway to let go of both', () => sockets.size === 0 && gateway.log.length > 0, 10_000);
    client.destroy();
  });
});

describe('answerTime', () => {
  it('runs on after a client that was slow has read what came first', async () => {
    // 16 MiB of interim answers: more than the system takes for a client that does not read.
    const { gateway } = await setUp(
      (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nX-A: ${'a'.repeat(500_000)}\r\n\r\n`.repeat(32)),
      { answerTime: '500ms', bodyIdleTime: '1h', interimAnswers: 1000, headBytes: '1MiB' },
    );
    const client = await connect(gateway.port);
    client.socket.pause();
    client.send();
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.socket.resume();
    await until('the gateway to give the upstream up', () => gateway.log.length > 0, 10_000);
    expect(gateway.log.at(-1)).toMatchObject({ status: 504, fault: 'answer-timeout' });
    client.destroy();
  });
});
