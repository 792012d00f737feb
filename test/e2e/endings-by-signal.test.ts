import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { accepts, freePort } from '../support/ports.js';
import { isAlive, run, start, type RunningProcess } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { CLI, startGatewayProcess } from './gateway.js';

const upstream = await startUpstream();
const CONFIG = { upstreams: [upstream.url], affinity: [] };

/** What npm puts into the environment of all that it starts; this test may have been started by it. */
const WITHOUT_NPM = Object.fromEntries(
  Object.keys(process.env).flatMap((name) => (name.startsWith('npm_') ? [[name, undefined]] : [])),
);

describe.each([1, 2])('with %i processes', (workers) => {
  it('SIGUSR1 and SIGUSR2 open no debugger and end nothing', async () => {
    const gateway = await startGatewayProcess({ ...CONFIG, workers, accessLog: true });
    const pids = [gateway.process.pid];
    if (workers > 1) {
      await until('the workers', () => gateway.process.stdout.split(' listens"').length === workers + 1);
      for (const [, pid] of gateway.process.stdout.matchAll(/"worker":(\d+)/g)) pids.push(Number(pid));
    }
    for (const pid of pids) for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.kill(pid, signal);
    // Signals are delivered before what is sent after them is read.
    for (let count = 0; count < 10; count++) expect((await request(gateway.port)).status).toBe(200);
    expect(gateway.process.stderr).not.toContain('ebugger');
    for (const pid of pids) expect(isAlive(pid)).toBe(true);
    expect(await gateway.process.stop()).toEqual({ code: 0, signal: null });
  });

  it('SIGQUIT lets requests in progress finish, and exits 0', async () => {
    const slow = await startUpstream();
    slow.behaviour = { kind: 'answer', delayMs: 500 };
    const gateway = await startGatewayProcess({ ...CONFIG, upstreams: [slow.url], workers });
    const answered = request(gateway.port);
    await until('the request', () => slow.requests === 1);
    gateway.process.kill('SIGQUIT');
    await gateway.process.waitForLine(/stopping; requests in progress may finish/);
    expect((await answered).status).toBe(200);
    expect(await gateway.process.waitForExit()).toEqual({ code: 0, signal: null });
  });
});

describe('started by npm', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-npm-'));
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
  const bin = join(folder, 'node_modules', '.bin', 'stickyroute');
  writeFileSync(bin, `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`, { mode: 0o755 });
  afterAll(() => rmSync(folder, { recursive: true }));

  let npm: RunningProcess | undefined;
  afterEach(() => npm?.kill());

  async function up(script: (command: string) => string, args: readonly string[]) {
    const port = await freePort();
    const command = `stickyroute up --upstream ${upstream.url} --affinity ip --listen 127.0.0.1:${port}`;
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'app', version: '1.0.0', scripts: { start: script(command) } }),
    );
    const words = args[0] === 'exec' ? [...args, ...command.split(' ')] : args;
    npm = start('npm', words, {
      cwd: folder,
      env: { ...WITHOUT_NPM, npm_config_cache: join(folder, 'cache') },
    });
    return { port, npm };
  }

  it.each(['SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
    'npx stickyroute up: %s to npx ends the gateway in order',
    async (signal) => {
      const started = await up(() => '', ['exec', '--offline', '--']);
      await started.npm.waitForPort(started.port, 30_000);
      started.npm.kill(signal);
      await until('the port to close', async () => !(await accepts(started.port)), 15_000);
    },
  );

  it('a script of npm: SIGTERM to npm ends the gateway in order', async () => {
    const started = await up((command) => command, ['start']);
    await started.npm.waitForPort(started.port, 30_000);
    started.npm.kill('SIGTERM');
    await until('the port to close', async () => !(await accepts(started.port)), 15_000);
  });

  // 0>: nohup puts /dev/null, open for writing only, in the place of a terminal.
  it.each([
    ['a shell', 'node "$0"; :', true],
    ['setsid', 'setsid --wait node "$0"; :', false],
    ['nohup', 'node "$0" 0> /dev/null; :', false],
  ])('%s: who is meant to outlive npm is not ended with it', async (_title, command, watched) => {
    const module = new URL('../../dist/cli/ancestors.js', import.meta.url).href;
    const script = join(folder, 'ancestors.mjs');
    writeFileSync(
      script,
      `import { npmAncestors } from ${JSON.stringify(module)}; console.log(npmAncestors(process.env).length);`,
    );
    const env = { ...WITHOUT_NPM, npm_execpath: '/usr/bin/npm' };
    const { stdout } = await run('sh', ['-c', `exec bash -c '${command}' ${script}`], { env });
    expect(Number(stdout) > 0).toBe(watched);
  });
});

skipUnless('script')('at a terminal', () => {
  async function atTerminal(
    prefix: string,
  ): Promise<{ readonly port: number; readonly terminal: RunningProcess }> {
    const port = await freePort();
    const command = `${prefix} ${process.execPath} ${CLI} up --upstream ${upstream.url} --affinity ip --listen 127.0.0.1:${port}`;
    const terminal = start(program('script'), ['-qfc', command, '/dev/null'], { env: WITHOUT_NPM });
    await terminal.waitForPort(port);
    return { port, terminal };
  }

  it('SIGHUP from a terminal that closes ends it; SIGHUP from anybody else reads the file', async () => {
    const { port, terminal } = await atTerminal('exec');
    const { stdout } = await run('pgrep', ['-f', `up --upstream .* 127.0.0.1:${port}$`]);
    for (const pid of stdout.trim().split('\n')) {
      const isNode = readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(process.execPath);
      if (isNode) process.kill(Number(pid), 'SIGHUP');
    }
    await terminal.waitForLine(/SIGHUP changes nothing/);
    expect(await accepts(port)).toBe(true);
    terminal.kill('SIGKILL');
    await until('the port to close', async () => !(await accepts(port)), 10_000);
  });
});
