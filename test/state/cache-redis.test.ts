import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { start, type RunningProcess } from '../support/processes.js';
import { skipUnless } from '../support/programs.js';
import { startRedis, type RunningRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const PROGRAM = fileURLToPath(new URL('cache-process.mjs', import.meta.url));
const BOUND_MS = 1_000;
const SEED = Number(process.env['SIM_SEED'] ?? Math.floor(performance.timeOrigin));

interface Member {
  readonly process: RunningProcess;
  readonly url: string;
}

interface Found {
  readonly value: number;
  readonly level: string;
  readonly isShared: boolean;
  /** When the process began to look for it. */
  readonly atMs: number;
}

skipUnless('redis-server')(`caches in three processes over a real Redis (SIM_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  /**
   * The database: by name, how often it was changed; and when which of that was told to every process, as far
   * as its writer knows.
   */
  const database = new Map<string, number>();
  const acknowledged = new Map<string, { readonly value: number; readonly atMs: number }[]>();
  const levels = new Map<string, number>();
  const wrong: string[] = [];
  const server = createServer((request, response) =>
    response.end(String(database.get(request.url!.slice(1)) ?? 0)),
  );
  let redis: RunningRedis;
  let members: Member[];
  let isRunning = true;
  let traffic: Promise<unknown>;

  beforeAll(async () => {
    redis = await startRedis({ durable: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    members = await Promise.all(
      [1, 2, 3].map(async () => {
        const process = start(globalThis.process.execPath, [
          PROGRAM,
          redis.url,
          `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        ]);
        const [, port] = await process.waitForLine(/listens on (\d+)/);
        return { process, url: `http://127.0.0.1:${port}` };
      }),
    );
    traffic = Promise.all([read(), read(), read(), change(), browse('ada'), browse('bob')]);
  });

  afterAll(async () => {
    isRunning = false;
    for (const { process } of members) process.kill('SIGCONT');
    await traffic;
    for (const { process } of members) process.kill();
    server.close();
  });

  const pick = <Item>(items: readonly Item[]): Item => items[random.below(items.length)]!;
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
  const oldest = (name: string, thenMs: number): number =>
    Math.max(
      0,
      ...(acknowledged.get(name) ?? [])
        .filter(({ atMs }) => atMs <= thenMs - BOUND_MS)
        .map(({ value }) => value),
    );

  async function ask(
    path: string,
    cookie = '',
  ): Promise<{ readonly found: Found | undefined; readonly cookie: string; readonly isDone: boolean }> {
    const response = await fetch(pick(members).url + path, { headers: { cookie } });
    const found = (await response.json()) as Found;
    const [set] = response.headers.getSetCookie(); // the second takes back the one that came along
    return {
      found: response.ok && 'level' in found ? found : undefined,
      cookie: set?.split(';')[0] ?? cookie,
      isDone: response.ok,
    };
  }

  /**
   * Changes the database, then deletes the copies. Returns what was changed to, once that is acknowledged.
   */
  async function write(
    name: string,
    path: string,
    cookie?: string,
  ): Promise<{ readonly value: number | undefined; readonly cookie: string }> {
    const value = (database.get(name) ?? 0) + 1;
    database.set(name, value);
    const answer = await ask(path, cookie);
    if (answer.isDone)
      acknowledged.set(name, [...(acknowledged.get(name) ?? []).slice(-1_000), { value, atMs: nowMs() }]);
    return { value: answer.isDone ? value : undefined, cookie: answer.cookie };
  }

  function check(name: string, found: Found | undefined, floor: number): void {
    levels.set(found?.level ?? 'failed', (levels.get(found?.level ?? 'failed') ?? 0) + 1);
    if (found === undefined) return;
    const least = Math.max(floor, oldest(name, found.atMs));
    if (found.value < least)
      wrong.push(`${name} gave ${found.value} (${found.level}); ${least} was the oldest allowed`);
  }

  async function read(): Promise<void> {
    while (isRunning) {
      const key = pick(['a', 'b', 'c']);
      check(`nobody/${key}`, (await ask(`/nobody/load/${key}`)).found, 0);
      await pause(1);
    }
  }

  async function change(): Promise<void> {
    while (isRunning) {
      const key = pick(['a', 'b', 'c']);
      await write(`nobody/${key}`, `/nobody/delete/${key}`);
      await pause(random.below(60));
    }
  }

  /** A user with a browser, moved at every request. */
  async function browse(user: string): Promise<void> {
    let cookie = '';
    let floor = 0;
    const name = `${user}/name`;
    while (isRunning) {
      if (random.below(10) === 0) {
        const written = await write(name, `/${user}/delete/name`, cookie);
        floor = written.value ?? floor;
        cookie = written.cookie;
      } else {
        const answer = await ask(`/${user}/load/name`, cookie);
        check(name, answer.found, floor);
        if (answer.found?.isShared === true) floor = Math.max(floor, answer.found.value);
        cookie = answer.cookie;
      }
      await pause(1);
    }
  }

  /** Until everybody has been answered often, by copies too. */
  async function goOn(): Promise<void> {
    const [before, copies] = [total(), levels.get('local') ?? 0];
    await until(
      'answers, many of them from copies',
      () => wrong.length > 0 || (total() > before + 600 && (levels.get('local') ?? 0) > copies + 200),
      20_000,
    );
    expect(wrong).toEqual([]);
  }

  const total = (): number => [...levels.values()].reduce((sum, count) => sum + count, 0);

  it('keep both promises while nothing happens', goOn);

  it('keep both promises while subscriptions are killed again and again', async () => {
    for (let times = 0; times < 15; times++) {
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const before = total();
      await until('some answers in between', () => total() > before + 20, 20_000);
    }
    await goOn();
  }, 40_000);

  it('keep both promises while Redis pauses for longer than the bound', async () => {
    await redis.command('CLIENT', 'PAUSE', '1800', 'ALL');
    await redis.command('PING'); // answered when the pause is over
    await goOn();
  }, 40_000);

  it('keep both promises while processes stand still for longer than the bound, and pushes to them are lost', async () => {
    for (const { process, url } of members) {
      // What is pushed while it stands still would wait for it in its socket.
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      process.kill('SIGSTOP');
      // Longer than the bound, by everybody else's clock.
      await pause(1_500);
      process.kill('SIGCONT');
      await fetch(`${url}/nobody/load/a`);
    }
    await goOn();
  }, 40_000);

  it('keep both promises while Redis is killed and comes back', async () => {
    for (let times = 0; times < 2; times++) {
      await redis.kill();
      await until(
        'an answer without the store',
        async () => (await ask('/nobody/load/a')).found?.isShared !== true,
        15_000,
      );
      await redis.restart();
      await until(
        'answers of the store',
        async () => (await ask('/nobody/load/a')).found?.isShared === true,
        15_000,
      );
    }
    await goOn();
  }, 60_000);
});
