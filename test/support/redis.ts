import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { afterAll } from 'vitest';
import { freePort } from './ports.js';
import { start, type RunningProcess } from './processes.js';
import { program } from './programs.js';
import { until } from './until.js';

export interface RunningRedis {
  readonly port: number;
  readonly url: string;
  /** Sends one command on a connection of its own and answers its reply. */
  command(...args: string[]): Promise<unknown>;
  /** `kill -9`, and waits for the end. What it holds on disk stays. */
  kill(): Promise<void>;
  /** Starts it again at the same port, on what it holds on disk, and waits until it answers. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers, until `thaw`. */
  freeze(): void;
  thaw(): void;
}

export interface RedisOptions {
  /** Every write is on disk before it is acknowledged, so that nothing is lost by `kill`. */
  readonly durable?: boolean;
  /** More settings, such as `['--requirepass', 'secret']`. */
  readonly settings?: readonly string[];
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** A Redis server of its own for a test file, on a free port. It is ended with the test file. */
export async function startRedis({
  durable = false,
  settings = [],
}: RedisOptions = {}): Promise<RunningRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-redis-'));
  folders.push(folder);
  const port = await freePort();
  const keeping = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--daemonize',
    'no',
    ...keeping,
    ...settings,
  ];
  let running: RunningProcess | undefined;

  const self: RunningRedis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    async command(...command) {
      const client = createClient({ url: self.url, socket: { reconnectStrategy: false } });
      client.on('error', () => {}); // the command rejects too
      await client.connect();
      try {
        return await client.sendCommand(command);
      } finally {
        client.destroy();
      }
    },
    async kill() {
      running?.kill('SIGKILL');
      await running?.waitForExit();
    },
    async restart() {
      running = start(program('redis-server'), args);
      await running.waitForPort(port);
      await until(
        `an answer of the Redis server at port ${port}`,
        async () => (await self.command('PING').catch(() => undefined)) === 'PONG',
      );
    },
    freeze: () => running?.kill('SIGSTOP'),
    thaw: () => running?.kill('SIGCONT'),
  };
  await self.restart();
  return self;
}

export interface RunningCluster {
  readonly members: readonly RunningRedis[];
  /** Until every member says that the cluster is in order. */
  waitUntilOk(): Promise<void>;
}

const SLOTS = 16_384;
const MEMBERS = 3;

/** A Redis Cluster of three servers without replicas, its slots shared out evenly. */
export async function startCluster(options: RedisOptions = {}): Promise<RunningCluster> {
  const settings = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    '2000',
    ...(options.settings ?? []),
  ];
  const members = await Promise.all(
    Array.from({ length: MEMBERS }, async () => {
      // The members talk to each other at a port that a server takes as its own plus 10 000 unless told.
      return await startRedis({
        ...options,
        settings: [...settings, '--cluster-port', `${await freePort()}`],
      });
    }),
  );
  await Promise.all(
    members.map((member, at) => {
      const [first, last] = [at, at + 1].map((part) => Math.floor((part * SLOTS) / MEMBERS));
      return member.command('CLUSTER', 'ADDSLOTSRANGE', `${first}`, `${last! - 1}`);
    }),
  );
  for (const member of members.slice(1)) {
    const bus = /^[^ ]+ [^@]+@(\d+)/m.exec(String(await member.command('CLUSTER', 'NODES')))![1]!;
    await members[0]!.command('CLUSTER', 'MEET', '127.0.0.1', `${member.port}`, bus);
  }
  const self: RunningCluster = {
    members,
    async waitUntilOk() {
      for (const member of members) {
        await until(
          `the cluster in order, as the member at port ${member.port} sees it`,
          async () => {
            const info = String(await member.command('CLUSTER', 'INFO').catch(() => ''));
            return /cluster_state:ok/.test(info) && new RegExp(`cluster_known_nodes:${MEMBERS}`).test(info);
          },
          20_000,
        );
      }
    },
  };
  await self.waitUntilOk();
  return self;
}

export interface RunningSentinel {
  readonly port: number;
  readonly masterName: string;
  readonly master: RunningRedis;
  readonly replica: RunningRedis;
}

/**
 * A master and a replica, watched by one Sentinel that moves the master's part to the replica half a second
 * after the master is gone.
 */
export async function startSentinel(): Promise<RunningSentinel> {
  // By itself a master waits five seconds for more replicas before it serves one.
  const atOnce = ['--repl-diskless-sync-delay', '0'];
  const [master, replica] = [await startRedis({ settings: atOnce }), await startRedis({ settings: atOnce })];
  await replica.command('REPLICAOF', '127.0.0.1', `${master.port}`);
  const masterName = 'mymaster';
  await until('the replica in step', async () =>
    /master_link_status:up/.test(String(await replica.command('INFO', 'replication'))),
  );
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-sentinel-'));
  folders.push(folder);
  const port = await freePort();
  const settings = join(folder, 'sentinel.conf');
  writeFileSync(
    settings,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${masterName} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${masterName} 500`,
      `sentinel failover-timeout ${masterName} 3000`,
    ].join('\n'),
  );
  const sentinel = start(program('redis-server'), [settings, '--sentinel']);
  await sentinel.waitForPort(port);
  await sentinel.waitForLine(/\+slave slave/);
  return { port, masterName, master, replica };
}
