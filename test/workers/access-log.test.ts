import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { CLI } from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { start } from '../support/processes.js';
import { connect, type RawClient } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-workers-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('lines of two workers stay whole on one pipe, also while its reader is slow and they pile up', async () => {
  const [upstream] = await startUpstreams(1);
  const [port, file, pipe] = [await freePort(), join(folder, 'up.json'), join(folder, 'pipe')];
  writeFileSync(
    file,
    JSON.stringify({
      listen: `127.0.0.1:${port}`,
      workers: 2,
      upstreams: [`http://127.0.0.1:${upstream!.port}`],
      affinity: [],
    }),
  );
  execFileSync('mkfifo', [pipe]);
  const reader = start('cat', [pipe]);
  const gateway = start('sh', ['-c', 'exec "$0" "$@" > "$PIPE"', process.execPath, CLI, 'up', '-c', file], {
    env: { PIPE: pipe },
  });
  await gateway.waitForLine(/listens at/);
  await until('both workers', () => reader.stdout.split(' listens"').length === 3, 10_000);

  // Which worker takes a connection is the system's choice: each gets its own while the other stands still.
  const workers = reader.stdout
    .split('\n')
    .filter((line) => line.includes(' listens"'))
    .map((line) => (JSON.parse(line) as { worker: number }).worker);
  const clients: RawClient[] = [];
  for (const [at, other] of [...workers].reverse().entries()) {
    process.kill(other, 'SIGSTOP');
    const own = await Promise.all(Array.from({ length: 8 }, () => connect(port)));
    await Promise.all(own.map((client) => client.request({ target: `/of/${workers[at]}` })));
    process.kill(other, 'SIGCONT');
    clients.push(...own);
  }

  reader.kill('SIGSTOP');
  // Longer than a line keeps of it, and as long as the log allows when it is cut.
  const target = `/${'x'.repeat(1500)}`;
  for (let round = 0; round < 25; round++)
    await Promise.all(clients.map((client) => client.request({ target })));
  reader.kill('SIGCONT');
  const lines = await until('all lines', () => {
    const whole = reader.stdout.split('\n').slice(0, -1);
    return whole.length >= 418 ? whole : undefined;
  });
  const seen = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ path }) => path === target.slice(0, 1024));
  expect(seen).toHaveLength(400);
  expect(new Set(seen.map(({ worker }) => worker)).size).toBe(2);
  expect((await gateway.stop()).code).toBe(0);
});
