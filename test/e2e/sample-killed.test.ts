import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { accepts, freePort } from '../support/ports.js';
import { isAlive, start } from '../support/processes.js';
import { until } from '../support/until.js';
import { Crowd, onlyHomes, users } from './crowd.js';

const SCRIPT = fileURLToPath(new URL('../../examples/start.mjs', import.meta.url));

it('npm start: an upstream is killed and brought back under load, nobody else moves, its users return, and Ctrl-C leaves nothing behind', async () => {
  const port = await freePort();
  const sample = start(process.execPath, [SCRIPT, '--port', String(port)]);
  await sample.waitForLine(/Ctrl-C stops everything/, 20_000);
  const pids = new Map(
    [...sample.stdout.matchAll(/^ {2}(api-\d|gateway) +http:\/\/\S+ +(\d+)$/gm)].map((row) => [
      row[1]!,
      Number(row[2]),
    ]),
  );
  expect([...pids.keys()]).toEqual(['api-1', 'api-2', 'api-3', 'gateway']);

  const crowd = new Crowd(
    port,
    users(30, (name) => ({ target: '/load-balancer-test', headers: { 'x-user-id': name } })),
  ).start();
  const home = onlyHomes(await crowd.seen(3));
  process.kill(pids.get('api-2')!, 'SIGKILL');
  const advice = await sample.waitForLine(
    /Bring it back in another terminal: node (--env-file=\S+) (\S+) --name (\S+) --port (\d+)/,
  );
  const meanwhile = onlyHomes(await crowd.seen(3));
  for (const [user, upstream] of meanwhile)
    expect(upstream === home.get(user)).toBe(home.get(user) !== 'api-2');

  const revived = start(process.execPath, [
    advice[1]!,
    fileURLToPath(new URL(`../../${advice[2]!}`, import.meta.url)),
    '--name',
    advice[3]!,
    '--port',
    advice[4]!,
  ]);
  await revived.waitForPort(Number(advice[4]!));
  await until('the users of api-2 to be back', async () =>
    (await crowd.seen(1)).every(({ affinity }) => affinity === 'bound by cookie'),
  );
  expect(onlyHomes(await crowd.seen(2))).toEqual(home);
  await crowd.stop();
  expect(crowd.failures.filter(({ hadBegun }) => !hadBegun)).toEqual([]);
  expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);

  sample.kill('SIGINT');
  expect(await sample.waitForExit()).toEqual({ code: 0, signal: null });
  await until('every process to be gone', () => [...pids.values()].every((pid) => !isAlive(pid)));
  expect(await accepts(port)).toBe(false);
  await revived.stop();
}, 60_000);
