import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Newcomers } from '../support/newcomers.js';
import { freePort } from '../support/ports.js';
import { isAlive, run, start } from '../support/processes.js';
import { program, skipUnless, skipWhere } from '../support/programs.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { CLI, startGatewayProcess } from './gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-restart-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** npm's variables are there when npm runs the tests; what npm started hands nothing over. */
const WITHOUT_NPM = Object.fromEntries(
  Object.keys(process.env).flatMap((name) => (name.startsWith('npm_') ? [[name, undefined]] : [])),
);

const onLinux = skipWhere(process.platform === 'linux' ? undefined : 'only Linux lists descriptors in /proc');

/** Holds a port open and takes no connection from it, as systemd does, and starts others with it. */
const HOLDER = join(folder, 'holder.mjs');
writeFileSync(
  HOLDER,
  `import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
const [port, command, ...times] = process.argv.slice(2);
const server = createServer().listen(port, '127.0.0.1', () => {
  // A handle of Node's own has its descriptor there. Nothing is accepted, because this never waits.
  const stdio = ['inherit', 'inherit', 'inherit', server._handle.fd];
  for (const _ of times) spawnSync('sh', ['-c', command], { stdio });
  process.exit();
});
`,
);

async function startHolder(config: object, starts = 2) {
  const port = await freePort();
  const file = join(folder, `${port}.yaml`);
  writeFileSync(file, JSON.stringify({ accessLog: false, shutdownGrace: '10s', ...config }));
  const command = `echo "pid $$." >&2; LISTEN_PID=$$ LISTEN_FDS=1 exec ${process.execPath} ${CLI} up -c ${file}`;
  const holder = start(process.execPath, [HOLDER, String(port), command, ...'.'.repeat(starts)]);
  const serving = async (count: number): Promise<number> => {
    await until(`start ${count}`, () => holder.stderr.split('listens at').length > count, 30_000);
    return Number([...holder.stderr.matchAll(/^pid (\d+)\.$/gm)][count - 1]![1]);
  };
  return { port, holder, serving };
}

onLinux('a restart refuses nobody', () => {
  describe.each([1, 2])('with %i processes', (workers) => {
    it('SIGWINCH: a successor takes over the port, 0 of 2 000 requests are refused or reset', async () => {
      const upstream = await startUpstream();
      const monitor = await freePort();
      const admin = join(folder, `admin-${workers}`);
      const config = { upstreams: [upstream.url], affinity: [], workers };
      const gateway = await startGatewayProcess(
        { ...config, monitor: { listen: `127.0.0.1:${monitor}` }, admin: { listen: `unix:${admin}` } },
        undefined,
        WITHOUT_NPM,
      );
      const clients = new Newcomers(gateway.port, 6, true);
      const lasting = await connect(gateway.port);
      await lasting.request();
      await until('some load', () => clients.fates.answered > 500, 30_000);
      gateway.process.kill('SIGWINCH');
      await gateway.process.waitForLine(/process \d+ serves now/, 30_000);
      const successor = Number(/process (\d+) serves now/.exec(gateway.process.stderr)![1]);
      onTestFinished(() => void (isAlive(successor) && process.kill(successor, 'SIGKILL')));
      // A request on a connection of the old process is answered too, and says that it is the last one there.
      expect((await lasting.request()).header('connection')).toBe('close');
      await until('the process before to end', () => !isAlive(gateway.process.pid), 30_000);
      await until('2 000 requests', () => clients.fates.answered > 2000, 30_000);
      const state = await until('the monitor', () =>
        request(monitor, { target: '/ready' }).catch(() => undefined),
      );
      expect(state.status).toBe(200);
      await until('the admin socket', () => existsSync(admin));
      expect(await clients.stop()).toMatchObject({ refused: 0, lost: [] });
      process.kill(successor, 'SIGTERM');
      await until('the successor to end', () => !isAlive(successor), 30_000);
    }, 60_000);

    it('a service manager holds the port: what comes in between is answered by the next process', async () => {
      const upstream = await startUpstream();
      const { port, serving, holder } = await startHolder({
        upstreams: [upstream.url],
        affinity: [],
        workers,
      });
      const first = await serving(1);
      const clients = new Newcomers(port, 6, true);
      await until('some load', () => clients.fates.answered > 500, 30_000);
      process.kill(first, 'SIGTERM');
      const second = await serving(2);
      await until('2 000 requests', () => clients.fates.answered > 2000, 30_000);
      expect(await clients.stop()).toMatchObject({ refused: 0, lost: [] });
      process.kill(second, 'SIGTERM');
      await holder.waitForExit(30_000);
    }, 60_000);
  });

  it('workers that all die find the port again', async () => {
    const upstream = await startUpstream();
    const { port, serving, holder } = await startHolder(
      { upstreams: [upstream.url], affinity: [], workers: 2 },
      1,
    );
    const supervisor = await serving(1);
    await until('both workers', () => holder.stdout.split(' listens').length > 2);
    const workers = [...holder.stdout.matchAll(/worker (\d+) listens/g)].map(([, pid]) => Number(pid));
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    await until('others', () => holder.stdout.split(' listens').length > 4, 30_000);
    expect((await request(port)).status).toBe(200);
    process.kill(supervisor, 'SIGTERM');
    await holder.waitForExit(30_000);
  });

  it('a successor that fails is said, and changes nothing', async () => {
    const upstream = await startUpstream();
    const gateway = await startGatewayProcess(
      { upstreams: [upstream.url], affinity: [] },
      undefined,
      WITHOUT_NPM,
    );
    writeFileSync(gateway.file, 'upstreams: {}\n');
    gateway.process.kill('SIGWINCH');
    await gateway.process.waitForLine(/there is no successor \(exit code 2\); this process serves on/);
    expect((await request(gateway.port)).status).toBe(200);
    expect(await gateway.process.stop()).toEqual({ code: 0, signal: null });
  });
});

const inUse = await startUpstream();

describe('a socket that is handed over and can not be used', () => {
  const used = `127.0.0.1:${inUse.port}`;
  const up = (words: string, redirection: string) =>
    run('sh', [
      '-c',
      `${words} exec ${process.execPath} ${CLI} up --upstream http://127.0.0.1:1 --affinity ip --listen ${used} ${redirection}`,
    ]);

  it.each([
    [
      'two of them',
      'LISTEN_PID=$$ LISTEN_FDS=2',
      '',
      /^stickyroute: 2 sockets were handed over \(LISTEN_FDS\)/,
    ],
    [
      'a file',
      'LISTEN_PID=$$ LISTEN_FDS=1',
      '3< /dev/null',
      /^stickyroute: Descriptor 3, .* is no TCP socket/,
    ],
    ['none', 'LISTEN_PID=$$ LISTEN_FDS=1', '3<&-', /^stickyroute: Descriptor 3, .* is no TCP socket/],
    ['no number', 'LISTEN_PID=$$ LISTEN_FDS=0x1', '', /^stickyroute: An unknown number of sockets/],
  ])('%s', async (_title, words, redirection, said) => {
    const { code, stderr } = await up(words, redirection);
    expect([code, stderr]).toEqual([1, expect.stringMatching(said)]);
  });

  it('that of another process is left alone, and named', async () => {
    const { stderr } = await up('LISTEN_PID=1 LISTEN_FDS=1', '');
    expect(stderr).toMatch(/a socket was handed to process 1, and this is process \d+\. Start node itself/);
    expect(stderr).toContain(`${used} is in use`);
  });
});

skipUnless('systemd-socket-activate')('started by systemd-socket-activate', () => {
  it('serves at the socket, whatever listen says', async () => {
    const upstream = await startUpstream();
    const port = await freePort();
    const words = ['-l', `127.0.0.1:${port}`, process.execPath, CLI, 'up', '--upstream', upstream.url];
    const activated = start(program('systemd-socket-activate'), [
      ...words,
      '--affinity',
      'ip',
      '--listen',
      '1',
    ]);
    await activated.waitForLine(/Listening on/);
    expect((await request(port)).status).toBe(200);
    expect(activated.stderr).toContain(`listens at http://127.0.0.1:${port}`);
    expect(await activated.stop()).toEqual({ code: 0, signal: null });
  });
});

skipUnless('systemd-notify', 'python3')('Type=notify', () => {
  it('systemd hears of the start, of each reload and of the end', async () => {
    const path = join(folder, 'notify');
    const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " ") + ".", flush=True)`;
    const manager = start(program('python3'), ['-c', script, path]);
    await manager.waitForLine(/bound/);
    const upstream = await startUpstream();
    const config = { upstreams: [upstream.url], affinity: [] };
    const gateway = await startGatewayProcess(config, undefined, {
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: '1000000',
    });
    const { pid } = gateway.process;
    await manager.waitForLine(new RegExp(`^READY=1 MAINPID=${pid} STATUS=serving\\.$`, 'm'));
    await manager.waitForLine(/^WATCHDOG=1\.$/m);
    const heard = manager.stdout.length;
    await gateway.reload(config);
    const reloaded = /RELOADING=1 MONOTONIC_USEC=\d+ STATUS=.*\.\n(?:.*\n)*?READY=1 /;
    await until('the reload', () => reloaded.test(manager.stdout.slice(heard)));
    gateway.process.kill('SIGTERM');
    await manager.waitForLine(/^STOPPING=1 /m);
    await gateway.process.waitForExit();
  });

  it('without systemd-notify it serves, and says what to do', async () => {
    const upstream = await startUpstream();
    const gateway = await startGatewayProcess({ upstreams: [upstream.url], affinity: [] }, undefined, {
      NOTIFY_SOCKET: join(folder, 'nobody'),
      PATH: folder,
    });
    await gateway.process.waitForLine(
      /systemd-notify can't be run \(.*ENOENT\)\. Install it, or write Type=exec/,
    );
    expect((await request(gateway.port)).status).toBe(200);
  });
});
