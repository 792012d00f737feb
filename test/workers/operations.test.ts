import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/control/index.js';
import { KEY } from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { start, type RunningProcess } from '../support/processes.js';
import { request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';

/*
 * What an operator says to a supervisor with four workers: each of them does it, also one that is born later.
 */

const WORKERS = 4;
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-operations-'));
let upstreams: FakeUpstream[];
let child: RunningProcess;
let port: number;
let operatorPort: number;
let file: string;

beforeAll(async () => {
  upstreams = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })));
  port = await freePort();
  file = join(folder, 'stickyroute.json');
  writeFile({});
  // What an operator does comes by HTTP: the body is a call, the answer is what came of it.
  operatorPort = await freePort();
  const script = `
    import { createServer } from 'node:http';
    import { pino } from '${import.meta.resolve('pino')}';
    import { loadConfig } from '${new URL('../../dist/control/index.js', import.meta.url)}';
    import { startSupervisor } from '${new URL('../../dist/control/workers/supervisor.js', import.meta.url)}';
    const read = () => loadConfig(${JSON.stringify(file)}, {}, '/');
    const logger = pino({ base: null });
    const { operations } = await startSupervisor(read(), ${WORKERS}, { logger, file: { name: 'file', read } });
    process.on('SIGHUP', () => operations.reload().then(() => console.log('reloaded')));
    createServer(async (request, response) => {
      const [verb, ...given] = JSON.parse((await request.toArray()).join(''));
      const done = operations[verb](...given).then((value) => ({ value }), (error) => ({ error: error.message }));
      response.end(JSON.stringify(await done));
    }).listen(${operatorPort}, '127.0.0.1', () => console.log('ready'));
  `;
  const main = join(folder, 'operated.mjs');
  writeFileSync(main, script);
  child = start(process.execPath, [main]);
  await child.waitForLine(/ready/);
  await until('all workers', () => child.stdout.split(' listens').length > WORKERS, 20_000);
}, 60_000);

afterAll(async () => {
  await child.stop();
  rmSync(folder, { recursive: true, force: true });
});

function writeFile(more: object): void {
  const settings = {
    listen: `127.0.0.1:${port}`,
    keys: [KEY],
    expose: true,
    accessLog: false,
    shutdownGrace: '0s',
    affinity: ['cookie', { header: 'x-user-id' }],
    upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    ...more,
  };
  writeFileSync(file, JSON.stringify(settings));
}

async function operate(verb: string, ...given: unknown[]): Promise<{ value?: unknown; error?: string }> {
  const answer = await fetch(`http://127.0.0.1:${operatorPort}`, {
    method: 'POST',
    body: JSON.stringify([verb, ...given]),
  });
  return (await answer.json()) as { value?: unknown; error?: string };
}

async function hangUp(): Promise<void> {
  const before = child.stdout.split('reloaded').length;
  child.kill('SIGHUP');
  await until('the reload', () => child.stdout.split('reloaded').length > before, 10_000);
}

/** Where requests on new connections of new users go: enough of them to meet every worker. */
async function homes(): Promise<string[]> {
  const seen = new Set<string>();
  for (let user = 0; user < 160; user += 8) {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => request(port, { headers: { 'x-user-id': `user-${user + at}` } })),
    );
    for (const answer of answers) seen.add(answer.header('x-upstream') ?? `status ${answer.status}`);
  }
  return [...seen].sort();
}

const standings = async (): Promise<string[]> =>
  ((await operate('status')).value as Status).pools[0]!.upstreams.map(({ standing }) => standing);

describe('an operator of four workers', () => {
  it('drains an upstream in all of them, and it stays drained after SIGHUP', async () => {
    expect(await homes()).toEqual(['api-1', 'api-2', 'api-3']);
    expect(await operate('drain', 'default', 'api-2')).toEqual({});
    expect(await homes()).toEqual(['api-1', 'api-3']);
    writeFile({ placement: 'ring' });
    await hangUp();
    expect(await homes()).toEqual(['api-1', 'api-3']);
    expect(await standings()).toEqual(['in', 'leaving', 'in']);
  });

  it('finds that a worker which is born later does it too', async () => {
    const [first] = /worker (\d+) listens/.exec(child.stdout)!.slice(1);
    const before = child.stdout.split(' listens').length;
    process.kill(Number(first), 'SIGKILL');
    await until('another worker', () => child.stdout.split(' listens').length > before, 10_000);
    expect(await homes()).toEqual(['api-1', 'api-3']);
  });

  it('takes one out and brings both back', async () => {
    await operate('disable', 'default', 'api-1');
    expect(await homes()).toEqual(['api-3']);
    await hangUp();
    expect(await homes()).toEqual(['api-3']);
    await operate('enable', 'default', 'api-1');
    await operate('enable', 'default', 'api-2');
    expect(await homes()).toEqual(['api-1', 'api-2', 'api-3']);
  });

  it('is refused what can not be, and nothing changes in any of them', async () => {
    expect((await operate('drain', 'default', 'api-9')).error).toContain('has no upstream "api-9"');
    expect((await operate('weight', 'default', 'api-1', -1)).error).toContain('must be above 0');
    expect(await standings()).toEqual(['in', 'in', 'in']);
    expect(await homes()).toEqual(['api-1', 'api-2', 'api-3']);
  });
});
