import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { start } from '../support/processes.js';
import { connect } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startGatewayProcess, type GatewayProcess } from './gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [upstream] = await startUpstreams(1);
let gateway: GatewayProcess | undefined;
afterEach(async () => void (await gateway?.process.stop()));

const LONG = `/${'x'.repeat(1000)}`;
/** About 3 MiB of lines, three times what may wait. */
const MANY = 2400;
const GRACE_MS = 1000;

function serve(workers: number, shell: string): Promise<GatewayProcess> {
  return startGatewayProcess(
    {
      upstreams: [`http://127.0.0.1:${upstream!.port}`],
      affinity: [],
      workers,
      accessLog: true,
      shutdownGrace: `${GRACE_MS}ms`,
    },
    shell,
    { PIPE: pipe() },
  );
}

function pipe(): string {
  return join(folder, 'pipe');
}

/** Sends requests whose lines are long, and has all of them answered. */
async function requests(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const client = await connect(gateway!.port);
      for (let at = 0; at < count / 8; at++)
        expect((await client.request({ target: LONG })).status).toBe(200);
      client.destroy();
    }),
  );
}

async function stops(): Promise<string> {
  const before = performance.now();
  gateway!.process.kill('SIGTERM');
  expect(await gateway!.process.waitForExit()).toEqual({ code: 0, signal: null });
  // The grace, and a second each for the log and for what is said of it; a worker's and its supervisor's.
  expect(performance.now() - before).toBeLessThan(GRACE_MS + 4000);
  return gateway!.process.stderr;
}

describe.each([1, 2])('with %i processes', (workers) => {
  describe.each([
    ['a full disk', 'exec "$@" > /dev/full', 'ENOSPC'],
    [
      'a reader that has gone',
      '"$@" > >(true) & pid=$!; trap "kill $pid" TERM; wait $pid; wait $pid',
      'EPIPE',
    ],
  ])('%s', (_title, shell, code) => {
    it('stops nothing, is said once a process, and ends with the gateway', async () => {
      gateway = await serve(workers, shell);
      await requests(80);
      await gateway.process.waitForLine(new RegExp(`log \\(standard output\\) can't be written.*${code}`));
      await requests(80);
      const stderr = await stops();
      expect(stderr.split("can't be written").length - 1).toBeLessThanOrEqual(
        workers === 1 ? 1 : workers + 1,
      );
      expect(stderr).toMatch(/\d+ lines? of the log could not be written/);
      expect(stderr).not.toContain('\n    at ');
    });
  });

  it('a file that may grow no more: what fits is whole lines, what doesn’t is counted', async () => {
    const file = join(folder, `limited-${workers}`);
    gateway = await serve(workers, `ulimit -f 64; exec "$@" >> ${file}`);
    await requests(MANY / 8);
    await gateway.process.waitForLine(/reached the size that it may have \(EFBIG\)/);
    await requests(MANY / 8);
    await stops();
    expect(statSync(file).size).toBeLessThanOrEqual(64 * 1024);
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const line of lines.slice(0, -1)) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it('standard error and standard output on one full disk: it serves, and ends', async () => {
    gateway = await startGatewayProcess(
      { upstreams: [`http://127.0.0.1:${upstream!.port}`], affinity: [], workers, accessLog: true },
      `exec "$@" > /dev/full 2> >(tee /dev/full >&2)`,
    );
    await requests(80);
    expect((await gateway.process.stop()).signal).toBe(null);
  });

  it('a reader that stands still: what is beyond the bound is dropped, and SIGTERM ends it', async () => {
    execFileSync('mkfifo', [pipe()]);
    const reader = start('cat', [pipe()]);
    try {
      gateway = await serve(workers, 'exec "$@" > "$PIPE"');
      await requests(8);
      await until('the first lines', () => reader.stdout.split('"status"').length === 9);
      reader.kill('SIGSTOP');
      await requests(MANY * workers);
      await gateway.process.waitForLine(/reader of the log \(standard output\) is too slow/);
      const [, lost] = /(\d+) lines of the log could not be written/.exec(await stops())!;
      expect(Number(lost)).toBeGreaterThan(500);
    } finally {
      reader.kill();
      rmSync(pipe());
    }
  });
});

it('a reader that reads again gets what waited, and one line that says how many are missing', async () => {
  execFileSync('mkfifo', [pipe()]);
  const file = join(folder, 'read');
  const reader = start('bash', ['-c', 'exec cat "$0" > "$1"', pipe(), file]);
  gateway = await serve(1, 'exec "$@" > "$PIPE"');
  await requests(8);
  reader.kill('SIGSTOP');
  await requests(MANY);
  await gateway.process.waitForLine(/too slow/);
  reader.kill('SIGCONT');
  const [, missing] = await gateway.process.waitForLine(
    /the log is written again; (\d+) lines of it are missing/,
  );
  await requests(8);
  const stderr = await stops();
  expect(stderr.split('too slow')).toHaveLength(2);
  await reader.waitForExit();
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ dropped }) => dropped !== undefined)).toMatchObject([
    { level: 40, dropped: Number(missing) },
  ]);
  expect(lines.filter(({ status }) => status === 200)).toHaveLength(8 + MANY + 8 - Number(missing));
});
