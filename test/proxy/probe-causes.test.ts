import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { freePort } from '../support/ports.js';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';

const pem = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../config/tls/${name}.pem`, import.meta.url)), 'utf8');

const HEALTH = { path: '/healthz', every: '1h', timeout: '1m', unhealthyAfter: 1 };

async function badCertificate(): Promise<string> {
  const server = createServer({ cert: pem('cert'), key: pem('key') }, (socket) =>
    socket.on('error', () => {}),
  );
  server.on('tlsClientError', () => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return `https://127.0.0.1:${(server.address() as { port: number }).port}`;
}

it('a change of condition says what the probe met: each kind of trouble has a cause of its own', async () => {
  const [resets, sick, silent] = [await startUpstream(), await startUpstream(), await startUpstream()];
  resets.behaviour = { kind: 'drop', isReset: true };
  sick.behaviour = { kind: 'answer', status: 503 };
  silent.behaviour = { kind: 'silent' };
  const clock = createManualClock();
  const gateway = await startTestGateway(
    {
      certificate: await badCertificate(),
      refused: `http://127.0.0.1:${await freePort()}`,
      unknown: 'http://upstream.invalid:80',
      reset: resets.url,
      sick: sick.url,
      silent: silent.url,
    },
    { health: HEALTH },
    { clock },
  );
  const causes = (): Record<string, unknown> =>
    Object.fromEntries(
      gateway.log.filter(({ to }) => to === 'down').map(({ upstream, cause }) => [upstream, cause]),
    );
  await until('five of them to be down', () => Object.keys(causes()).length === 5);
  expect(causes()).not.toHaveProperty('silent');
  // Time passes only when it is told to: a probe runs into its limit on the gateway's clock.
  clock.advance(60_000);
  await until('the sixth', () => Object.keys(causes()).length === 6);
  expect(causes()).toEqual({
    certificate: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    refused: 'ECONNREFUSED',
    // Without any name server it is the other.
    unknown: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) as string,
    reset: 'ECONNRESET',
    sick: 'status 503',
    silent: 'timeout',
  });
});

it('so does one that failed requests have brought', async () => {
  const gateway = await startTestGateway(
    { refused: `http://127.0.0.1:${await freePort()}` },
    { passive: { maxFails: 1 } },
  );
  await request(gateway.port);
  expect(gateway.log.filter(({ to }) => to === 'down')).toMatchObject([
    { upstream: 'refused', why: 'requestsFailed', cause: 'ECONNREFUSED' },
  ]);
});
