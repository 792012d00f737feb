import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../support/processes.js';
import { request } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';
import { CLI, startGatewayProcess } from './gateway.js';

const FILES = 260;
const CROWD = 400;

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

interface Client {
  text: string;
  isClosed: boolean;
}

function openCrowd(port: number): Client[] {
  return Array.from({ length: CROWD }, () => {
    const client: Client = { text: '', isClosed: false };
    const socket = connectTcp(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('close', () => (client.isClosed = true));
    socket.on('data', (bytes) => (client.text += bytes.toString('latin1')));
    return client;
  });
}

describe.each([1, 2])('with %i processes, a crowd that is larger than the limit of open files', (workers) => {
  it('is served as far as it was let in, takes no upstream away, and is in the log', async () => {
    const upstreams = await startUpstreams(3);
    // Slow, so that everybody holds an upstream's connection at the same time.
    for (const upstream of upstreams) upstream.behaviour = { kind: 'answer', delayMs: 1000 };
    const gateway = await startGatewayProcess(
      {
        upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
        affinity: [],
        health: { path: '/', every: '2s', timeout: '2s' },
        accessLog: true,
        workers,
      },
      `ulimit -n ${FILES}; exec "$@"`,
    );
    await gateway.process.waitForLine(
      /warning: limits.connections is 10000, but this process may open only 260/,
    );
    for (let round = 0; round < 3; round++) {
      const crowd = openCrowd(gateway.port);
      await until(
        'everybody to be served or turned away',
        () => crowd.every(({ text, isClosed }) => text.includes('\r\n\r\n') || isClosed),
        15_000,
      );
      const served = crowd.filter(({ text }) => text !== '');
      expect(served.length).toBeGreaterThan(60);
      for (const { text } of served) expect(text).toMatch(/^HTTP\/1.1 200 /);
      for (const socket of sockets.splice(0)) socket.destroy();
    }
    if (workers === 1) await gateway.process.waitForLine(/"limit":"connections","count":\d+/);
    for (const upstream of upstreams) upstream.behaviour = { kind: 'answer' };
    await until(
      'room',
      async () =>
        (await request(gateway.port).then(
          ({ status }) => status,
          () => 0,
        )) === 200,
    );
    expect(gateway.process.stdout).not.toContain('"to":"down"');
    expect(gateway.process.stdout).not.toMatch(/"status":5/);
    expect(await gateway.process.stop()).toEqual({ code: 0, signal: null });
  });
});

it('validate says what the limit of open files makes of limits.connections', async () => {
  const gateway = await startGatewayProcess({ upstreams: ['http://127.0.0.1:1'], affinity: [] });
  const { code, stderr } = await run('bash', [
    '-c',
    `ulimit -n ${FILES}; exec "$0" "$@"`,
    process.execPath,
    CLI,
    'validate',
    '-c',
    gateway.file,
  ]);
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^warning: limits.connections is 10000, .* so it takes \d+ connections: .*\n$/),
  ]);
  await gateway.process.stop();
});
