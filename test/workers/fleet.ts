import { readFileSync } from 'node:fs';
import { onTestFailed } from 'vitest';
import { startGatewayProcess, type GatewayProcess, type LogLine } from '../e2e/gateway.js';
import { request, type RequestOptions, type ConnectOptions } from '../support/raw-client.js';
import { isAlive } from '../support/processes.js';
import { until } from '../support/until.js';

export interface Fleet extends GatewayProcess {
  /** The whole lines of its log. Fails when one is broken. */
  log(): LogLine[];
  /** Of requests for one path. */
  answersTo(path: string): LogLine[];
  /** The workers that live, by their process ids. */
  workers(): number[];
  /** Waits for the log to say it; `from`: lines before are passed over. */
  logged(what: string, is: (line: LogLine) => boolean, from?: number): Promise<LogLine>;
}

/** `stickyroute up` with two workers, both listening. */
export async function startFleet(config: object, count = 2): Promise<Fleet> {
  const gateway = await startGatewayProcess({ workers: count, accessLog: true, ...config });
  const log = (): LogLine[] =>
    gateway.process.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  onTestFailed(() => {
    const events = gateway.process.stdout.split('\n').filter((line) => line.includes('"msg"'));
    console.error(`The gateway's own story:\n${events.join('\n')}\n${gateway.process.stderr}`);
  });
  const fleet: Fleet = {
    ...gateway,
    log,
    answersTo: (path) => log().filter((line) => line['path'] === path),
    workers() {
      const living = new Set<number>();
      for (const { msg = '', worker } of log()) {
        if (/ listens$/.test(msg)) living.add(worker);
        if (/ ended /.test(msg)) living.delete(worker);
      }
      return [...living];
    },
    logged: (what, is, from = 0) => until(`the log to say ${what}`, () => log().slice(from).find(is), 10_000),
  };
  await until(`${count} workers`, () => fleet.workers().length === count, 10_000);
  return fleet;
}

/** True while a process runs; one that has ended and was not collected by its parent yet does not. */
export function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return isAlive(pid) && process.platform !== 'linux';
  }
}

/**
 * Requests over new connections, a few at a time, until both workers have answered some, and at least
 * `atLeast` of them.
 */
export async function throughBoth(
  fleet: Fleet,
  path: string,
  options: RequestOptions & ConnectOptions = {},
  atLeast = 20,
): Promise<LogLine[]> {
  let sent = 0;
  const from = fleet.answersTo(path).length;
  return await until(
    `both workers to answer ${path}`,
    async () => {
      await Promise.all(Array.from({ length: 8 }, () => request(fleet.port, { ...options, target: path })));
      sent += 8;
      const answers = await until('their lines', () => {
        const lines = fleet.answersTo(path).slice(from);
        return lines.length >= sent ? lines : undefined;
      });
      return sent >= atLeast && new Set(answers.map(({ worker }) => worker)).size === 2 ? answers : undefined;
    },
    10_000,
  );
}
