import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll } from 'vitest';
import { readConfig, startGateway, type RunningGateway } from '../../src/control/index.js';
import { freePort } from '../support/ports.js';
import { start, type RunningProcess, type StartOptions } from '../support/processes.js';
import { until } from '../support/until.js';

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const KEY = 'a key for tests, of thirty-two characters or more';

/** A line of the gateway's log: a request's, or what happened to an upstream. */
export type LogLine = Readonly<Record<string, any>>;

export interface TestGateway {
  readonly port: number;
  readonly log: readonly LogLine[];
  reload(config: object): Promise<void>;
  close(): Promise<void>;
  /** Waits for the log to say that an upstream's condition became this one, the `times`th time. */
  condition(upstream: string, to: 'up' | 'down' | 'trial', times?: number): Promise<LogLine>;
}

const running = new Set<RunningGateway>();
const folders = new Set<string>();
afterAll(async () => {
  await Promise.all([...running].map((gateway) => gateway.close()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * What every configuration of these tests begins with. `shutdownGrace` is short so that no test waits for
 * another's end.
 */
const COMMON = { keys: [KEY], expose: true, shutdownGrace: '0s' };

/** A gateway in this process. It is closed at the end of the test file at the latest. */
export async function startTestGateway(config: object): Promise<TestGateway> {
  const log: LogLine[] = [];
  const logger = pino(
    { base: null },
    { write: (line: string) => void log.push(JSON.parse(line) as LogLine) },
  );
  const read = (value: object) => readConfig({ listen: '127.0.0.1:0', ...COMMON, ...value });
  const gateway = await startGateway(read(config), { logger });
  running.add(gateway);
  return {
    port: gateway.port,
    log,
    async reload(next) {
      await gateway.operations.reload(read(next));
    },
    async close() {
      running.delete(gateway);
      await gateway.close();
    },
    condition: (upstream, to, times = 1) =>
      until(
        `upstream ${upstream} to be ${to}`,
        () =>
          log.filter((line) => line['upstream'] === upstream && line['to'] === to && line['from'] !== to)[
            times - 1
          ],
      ),
  };
}

export interface GatewayProcess {
  readonly port: number;
  readonly file: string;
  readonly process: RunningProcess;
  /**
   * Writes the file, sends SIGHUP, and waits for the word that it is in use, or, for a bad one, that it can't
   * be.
   */
  reload(config: object | string, expected?: 'in use' | 'nothing changed'): Promise<void>;
}

/**
 * `stickyroute up -c FILE`, built, as a process of its own. `shell`: what a shell does with it as
 * `"$@"`, such as `ulimit -n 260; exec "$@" > /dev/full`.
 */
export async function startGatewayProcess(
  config: object,
  shell?: string,
  env: StartOptions['env'] = {},
): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-e2e-'));
  folders.add(folder);
  const file = join(folder, 'stickyroute.yaml');
  const port = await freePort();
  const write = (value: object | string): void => {
    const text =
      typeof value === 'string'
        ? value
        : JSON.stringify({
            listen: `127.0.0.1:${port}`,
            accessLog: false,
            ...COMMON,
            shutdownGrace: '10s',
            ...value,
          });
    writeFileSync(file, text);
  };
  write(config);
  const command = [process.execPath, CLI, 'up', '-c', file];
  const [program, ...args] = shell === undefined ? command : ['bash', '-c', shell, 'bash', ...command];
  const child = start(program!, args, { env });
  await child.waitForLine(/listens at/);
  return {
    port,
    file,
    process: child,
    async reload(next, expected = 'in use') {
      const heard = (): number => child.stderr.split(`${expected}.\n`).length;
      const before = heard();
      write(next);
      child.kill('SIGHUP');
      await until(`"${expected}" after SIGHUP`, () => heard() > before);
    },
  };
}
