import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/index.js';
import { freePort } from '../support/ports.js';
import { run, start, type RunningProcess } from '../support/processes.js';
import { skipUnless } from '../support/programs.js';
import { connect, request, type RawResponse } from '../support/raw-client.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { CLI } from './gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-presets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Site {
  readonly upstreams: readonly FakeUpstream[];
  readonly port: number;
  readonly gateway: RunningProcess;
}

/** `stickyroute up --preset NAME --upstream …`, built, as a user starts it. */
async function up(preset: string, ...more: string[]): Promise<Site> {
  const upstreams = await startUpstreams(3);
  const port = await freePort();
  const gateway = start(
    process.execPath,
    [
      CLI,
      'up',
      '--preset',
      preset,
      ...upstreams.flatMap(({ url }) => ['--upstream', url]),
      '--listen',
      String(port),
      '--expose',
      '--no-access-log',
      ...more,
    ],
    { cwd: folder },
  );
  await gateway.waitForLine(/listens at/);
  return { upstreams, port, gateway };
}

function servedBy(answer: RawResponse): string {
  expect(answer.status).toBe(200);
  return (answer.json() as { id: string }).id;
}

/** A token as an API client sends it. The gateway only reads it: its signature is the upstream's business. */
function token(sub: string): Record<string, string> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return { authorization: `Bearer ${part({ alg: 'HS256' })}.${part({ sub })}.${'x'.repeat(43)}` };
}

describe('stickyroute up --preset', () => {
  it('small gives requests to the upstreams in turn, and loses nobody with one of them', async () => {
    const { upstreams, port, gateway } = await up('small');
    const client = await connect(port);
    const ids: string[] = [];
    for (let at = 0; at < 9; at++) {
      const answer = await client.request();
      ids.push(servedBy(answer));
      expect([answer.header('x-affinity'), answer.header('set-cookie')]).toEqual(['balanced', undefined]);
    }
    for (let at = 0; at < 9; at += 3) expect(new Set(ids.slice(at, at + 3)).size).toBe(3);
    await upstreams[1]!.stop();
    for (let at = 0; at < 9; at++) expect(servedBy(await client.request())).not.toBe('api-2');
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    expect(gateway.stderr).not.toContain('warning');
  });

  it('medium keeps an address at its upstream, and lends it out while that is away', async () => {
    const { upstreams, port, gateway } = await up('medium');
    const from = async (host: number): Promise<RawResponse> =>
      await request(port, { localAddress: `127.0.0.${host}` });
    const homes = new Map<number, string>();
    for (let host = 2; host < 32; host++) {
      const answer = await from(host);
      homes.set(host, servedBy(answer));
      expect(answer.header('x-affinity')).toBe('keyed by ip');
    }
    expect(new Set(homes.values())).toEqual(new Set(['api-1', 'api-2', 'api-3']));
    for (const [host, home] of homes) expect(servedBy(await from(host))).toBe(home);
    const gone = upstreams[0]!;
    await gone.stop();
    for (const [host, home] of homes) expect(servedBy(await from(host)) === home).toBe(home !== gone.id);
    await gateway.stop();
  });

  it("large places a token's user by consistent hashing, as the client does, with a worker a core", async () => {
    const { upstreams, port, gateway } = await up('large');
    await gateway.waitForLine(/route default: .* affinity jwt, ip; /);
    const idOf = (url: string): string => new URL(url).host;
    const client = createClient({
      upstreams: Object.fromEntries(upstreams.map(({ url }) => [idOf(url), url])),
    });
    const users = Array.from({ length: 60 }, (_, at) => `user-${at}`);
    const reach = async (user: string): Promise<RawResponse> =>
      await request(port, { headers: token(user), localAddress: `127.0.0.${2 + (user.length % 20)}` });
    for (const user of users) {
      const answer = await reach(user);
      expect([answer.header('x-upstream'), answer.header('x-affinity')]).toEqual([
        client.owner(user),
        'keyed by jwt',
      ]);
    }
    expect((await request(port)).header('x-affinity')).toBe('keyed by ip');
    const gone = upstreams[2]!;
    await gone.stop();
    for (const user of users) {
      const [owner, backup] = client.candidates(user);
      expect((await reach(user)).header('x-upstream')).toBe(owner === idOf(gone.url) ? backup : owner);
    }
    expect(await gateway.stop(10_000)).toEqual({ code: 0, signal: null });
  }, 40_000);

  it('lets the other flags say it otherwise', async () => {
    const { port, gateway } = await up('large', '--affinity', 'header:x-user-id', '--workers', '1');
    expect(gateway.stderr).not.toContain('workers');
    expect((await request(port, { headers: { 'x-user-id': '7' } })).header('x-affinity')).toBe(
      'keyed by header',
    );
    await gateway.stop();
  });
});

describe('stickyroute advise', () => {
  it('writes a file that up runs', async () => {
    const upstreams = await startUpstreams(2);
    const advice = await run(process.execPath, [
      CLI,
      'advise',
      '--users',
      '20k',
      '--clients',
      'browsers',
      ...upstreams.flatMap(({ url }) => ['--upstream', url]),
    ]);
    expect(advice).toMatchObject({ code: 0, stderr: '' });
    const file = join(folder, 'advised.yaml');
    writeFileSync(file, advice.stdout);
    const port = await freePort();
    const gateway = start(process.execPath, [CLI, 'up', '-c', file, '--listen', String(port), '--expose'], {
      env: { STICKYROUTE_KEY: 'k'.repeat(40) },
    });
    await gateway.waitForLine(/listens at/);
    const first = await request(port);
    const cookie = first.header('set-cookie')!.split(';')[0]!;
    const again = await request(port, { headers: { cookie } });
    expect([again.header('x-affinity'), servedBy(again)]).toEqual(['bound by cookie', servedBy(first)]);
    await gateway.stop();
  });

  it('has nobody to ask without a terminal', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [CLI, 'advise'], { input: '500\n' });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('stickyroute advise --users 50000');
  });
});

skipUnless('script', 'mkfifo')('stickyroute advise at a terminal', () => {
  it('asks, and takes answers typed ahead', async () => {
    const file = join(folder, 'asked.yaml');
    const asked = await run('script', ['-qec', `${process.execPath} ${CLI} advise > ${file}`, '/dev/null'], {
      input: '50 000\napi\n\nnone\n',
    });
    expect(asked.code, asked.stdout).toBe(0);
    for (const number of [1, 2, 3, 4]) expect(asked.stdout).toContain(`${number}/4 `);
    expect(readFileSync(file, 'utf8')).toMatch(/^# preset medium .*\n# Situation: REST API/);
  });

  it('exits 1 when the person leaves with Ctrl-C', async () => {
    const keyboard = join(folder, 'keyboard');
    expect((await run('mkfifo', [keyboard])).code).toBe(0);
    const asked = start('sh', [
      '-c',
      `exec script -qec "${process.execPath} ${CLI} advise" /dev/null < ${keyboard}`,
    ]);
    const typed = openSync(keyboard, 'r+');
    // Only once the question is there does the program, and not the terminal, take Ctrl-C.
    await asked.waitForLine(/1\/4 .*\[10000\]/);
    writeSync(typed, '500\r');
    await asked.waitForLine(/2\/4 [^]*\[mixed\]/);
    writeSync(typed, '\u0003');
    expect(await asked.waitForExit()).toEqual({ code: 1, signal: null });
    expect(asked.stdout).toContain('no answers, so no advice');
    closeSync(typed);
  });
});
