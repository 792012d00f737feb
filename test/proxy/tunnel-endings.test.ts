import { createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { connect, type RawClient } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';

/** An upstream's end of a tunnel, and what it has heard of how the tunnel ended. */
interface Far {
  readonly socket: Socket;
  received: string;
  hasEnded: boolean;
  error: string | undefined;
}

const fars: Far[] = [];
const server = createServer({ allowHalfOpen: true }, (socket) => {
  const far: Far = { socket, received: '', hasEnded: false, error: undefined };
  socket.on('error', (error: NodeJS.ErrnoException) => (far.error = error.code));
  socket.on('end', () => (far.hasEnded = true));
  socket.once('data', () => {
    socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
    socket.on('data', (bytes) => (far.received += bytes.toString()));
    fars.push(far);
  });
});
const port = await freePort();
await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
afterAll(() => void server.close());
const gateway = await startTestGateway({ far: `http://127.0.0.1:${port}` });

async function open(): Promise<{ near: RawClient; far: Far }> {
  const count = fars.length;
  const near = await connect(gateway.port);
  near.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
  expect((await near.response()).status).toBe(101);
  return { near, far: await until('the tunnel', () => fars[count]) };
}

describe('a tunnel', () => {
  it('the client ends: the upstream hears an end behind all bytes, and may still answer', async () => {
    const { near, far } = await open();
    near.write('bye');
    near.end();
    await until('the end', () => far.hasEnded);
    expect([far.received, far.error]).toEqual(['bye', undefined]);
    far.socket.end('bye yourself');
    expect(await near.closed()).toBe('end');
    expect(near.received).toMatch(/bye yourself$/);
  });

  it('the client closes while the upstream is sending: the upstream hears an end', async () => {
    const { near, far } = await open();
    far.socket.write('x'.repeat(1000));
    await until('the bytes', () => near.received.endsWith('x'.repeat(1000)));
    near.socket.destroy();
    await until('the end', () => far.hasEnded);
    far.socket.write('to nobody');
    far.socket.write('to nobody, again');
    far.socket.end();
    await until('the close', () => far.socket.destroyed);
    expect(far.error).toBeUndefined();
  });

  it('the client resets: so does the gateway', async () => {
    const { near, far } = await open();
    near.reset();
    await until('the reset', () => far.error);
    expect([far.error, far.hasEnded]).toEqual(['ECONNRESET', false]);
  });

  it('the upstream ends: the client hears an end behind all bytes, and may still send', async () => {
    const { near, far } = await open();
    far.socket.end('the last');
    await until('the last', () => near.received.endsWith('the last'));
    near.write('mine');
    near.end();
    await until('the end', () => far.hasEnded);
    expect([far.received, far.error, await near.closed()]).toEqual(['mine', undefined, 'end']);
  });

  it('the upstream closes while the client is sending: the client hears an end', async () => {
    const { near, far } = await open();
    far.socket.write('the last');
    await until('the last', () => near.received.endsWith('the last'));
    far.socket.destroy();
    near.write('a');
    near.write('b');
    expect(await near.closed()).toBe('end');
  });

  it('the upstream resets: so does the gateway', async () => {
    const { near, far } = await open();
    far.socket.resetAndDestroy();
    expect(await near.closed()).toBe('reset');
  });
});
