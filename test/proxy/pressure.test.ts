import { createServer } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { connect } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { fill, HELD_BYTES_MAX, settled } from './fill.js';
import { startTestGateway } from './gateway.js';

const MiB = 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'a');
const upstream = await startUpstream();
const gateway = await startTestGateway([upstream]);

describe('back-pressure', () => {
  it.each(['length', 'chunked', 'close'] as const)(
    'a slow client stops the upstream, and gets every byte in the end (%s)',
    async (framing) => {
      const bodyBytes = 60 * MiB;
      upstream.behaviour = { kind: 'flood', bodyBytes, framing };
      upstream.sentBytes = 0;
      const client = await connect(gateway.port);
      client.socket.pause();
      client.send();
      expect(await settled('the upstream to stop', () => upstream.sentBytes)).toBeLessThan(HELD_BYTES_MAX);
      client.socket.resume();
      expect((await client.response(10_000)).body.length).toBe(bodyBytes);
      client.destroy();
    },
  );

  it('a deaf upstream stops the client', async () => {
    upstream.behaviour = { kind: 'deaf' };
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
    expect(await fill(client, PIECE)).toBeLessThan(HELD_BYTES_MAX);
    expect(upstream.seen.at(-1)!.isComplete).toBe(false);
    client.destroy();
  });

  it('an upstream that is not there yet stops the client', async () => {
    // A port that accepts into its backlog and says nothing to a TLS handshake.
    const mute = createServer(() => {});
    const port = await freePort();
    await new Promise<void>((resolve) => mute.listen(port, '127.0.0.1', resolve));
    afterAll(() => void mute.close());
    const waiting = await startTestGateway({ mute: `https://127.0.0.1:${port}` });
    const client = await connect(waiting.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
    expect(await fill(client, PIECE)).toBeLessThan(HELD_BYTES_MAX);
    client.destroy();
    await waiting.close();
  });

  it('attack: endless requests behind one that takes its time', async () => {
    upstream.behaviour = { kind: 'silent' };
    const client = await connect(gateway.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const line = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    expect(await fill(client, Buffer.from(line.repeat(2000)))).toBeLessThan(HELD_BYTES_MAX);
    client.destroy();
  });

  // Both of the gateway's sides wait for the other: without a limit on the whole they would for ever.
  it('attack: sends without end to an upstream that echoes, and reads nothing', async () => {
    const echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(socket);
    });
    const port = await freePort();
    await new Promise<void>((resolve) => echo.listen(port, '127.0.0.1', resolve));
    afterAll(() => void echo.close());
    const limited = await startTestGateway(
      { echo: `http://127.0.0.1:${port}` },
      { limits: { bodyIdleTime: '300ms' } },
    );
    const client = await connect(limited.port);
    client.socket.pause();
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
    await fill(client, PIECE);
    await until('the gateway to let go', () => limited.log.length === 1);
    client.destroy();
  });

  it('a client that takes its answer slowly, but takes it, is not cut', async () => {
    const limited = await startTestGateway([upstream], { limits: { bodyIdleTime: '500ms' } });
    upstream.behaviour = { kind: 'flood', bodyBytes: 12 * MiB };
    const client = await connect(limited.port);
    client.socket.pause();
    client.send();
    let taken = 0;
    // At most 64 KiB at each look, every few milliseconds: about two seconds in all.
    await until(
      'all of it to be taken',
      () => {
        expect(client.isClosed).toBe(false);
        taken += (client.socket.read() as Buffer | null)?.length ?? 0;
        return taken > 12 * MiB;
      },
      15_000,
    );
    client.destroy();
  });
});
