import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig, startGateway, type RunningGateway } from '../../src/control/index.js';
import { startGatewayProcess } from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { until } from '../support/until.js';
import { askAdmin } from './admin-client.js';

/* What operators said outlives a restart, where `stateFile` is set. */

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-state-'));
const running = new Set<RunningGateway>();
afterAll(async () => {
  await Promise.all([...running].map((gateway) => gateway.close()));
  rmSync(folder, { recursive: true, force: true });
});

const UPSTREAMS = { 'api-1': 'http://127.0.0.1:9', 'api-2': 'http://127.0.0.1:9001' };

async function gateway(stateFile: string, upstreams: object = UPSTREAMS) {
  const log: any[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const config = readConfig({
    listen: '127.0.0.1:0',
    upstreams,
    stateFile: join(folder, stateFile),
    admin: { listen: '127.0.0.1:0', write: true },
    shutdownGrace: '0s',
  });
  const started = await startGateway(config, { logger });
  running.add(started);
  const of = async (id: string) =>
    (await started.operations.status()).pools[0]!.upstreams.find((upstream) => upstream.id === id)!;
  return { ...started, operations: started.operations, log, of };
}

it.each([1, 2])('a gateway with %i process(es) that is killed remembers after its start', async (workers) => {
  const config = {
    workers,
    upstreams: UPSTREAMS,
    stateFile: join(folder, `killed-${workers}.json`),
    admin: { listen: `127.0.0.1:${await freePort()}`, write: true },
  };
  const admin = `http://${config.admin.listen}`;
  const first = await startGatewayProcess(config);
  const drained = await askAdmin(admin, '/pools/default/upstreams/api-1/drain', { body: { within: '1h' } });
  expect(drained.json()).toMatchObject({ changed: true, saved: true, upstream: { standing: 'leaving' } });
  const { drain } = drained.json().upstream;
  await askAdmin(admin, '/pools/default/upstreams/api-2/weight', { body: { weight: 7 } });
  first.process.kill('SIGKILL');
  await first.process.waitForExit();
  const socket = await until('the port of the one that was killed', async () => {
    const second = await startGatewayProcess(config).catch(() => undefined);
    return second;
  });
  const { pools } = (await askAdmin(admin, '/pools')).json();
  expect(pools[0].upstreams).toMatchObject([
    {
      id: 'api-1',
      standing: 'leaving',
      drain: { from: drain.from, until: drain.until },
      from: { standing: 'admin' },
    },
    { id: 'api-2', weight: 7, from: { standing: 'file', weight: 'admin' } },
  ]);
  expect((await askAdmin(admin, '/status')).json().stateFile).toEqual({
    file: config.stateFile,
    saved: true,
  });
  await socket.process.stop();
});

describe('a state file', () => {
  it('is for its user alone, is written whole, and ends with what it is about', async () => {
    const first = await gateway('a.json');
    expect(JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8'))).toEqual({ version: 1, words: [] });
    await first.operations.disable('default', 'api-1');
    await first.operations.weight('default', 'api-2', 3);
    expect(statSync(join(folder, 'a.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.startsWith('a.json'))).toEqual(['a.json']);
    await first.close();
    // One has gone, one is at another address: that is another machine.
    const second = await gateway('a.json', {
      'api-2': 'http://127.0.0.1:9002',
      'api-3': 'http://127.0.0.1:9',
    });
    expect(await second.of('api-2')).toMatchObject({ weight: 1, from: { weight: 'file' } });
    expect(second.log.filter(({ msg }) => /is dropped/.test(msg))).toHaveLength(2);
    await until('the file to forget them', () =>
      readFileSync(join(folder, 'a.json'), 'utf8').includes('"words": []'),
    );
    await second.close();
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"version": 1, "words": [{"pool": "def'],
    ['of a later version', '{"version": 2, "words": []}'],
    [
      'with a weight that can not be',
      '{"version":1,"words":[{"pool":"default","upstream":"api-1","url":"http://127.0.0.1:9","weight":-1}]}',
    ],
  ])('that is %s is set aside, said clearly, and the gateway starts', async (_, text) => {
    const name = `broken-${text.length}.json`;
    writeFileSync(join(folder, name), text);
    const started = await gateway(name);
    const aside = readdirSync(folder).find((each) => each.startsWith(`${name}.broken-`))!;
    expect(readFileSync(join(folder, aside), 'utf8')).toBe(text);
    expect(started.log.some(({ msg, level }) => level === 50 && msg.includes('makes no sense'))).toBe(true);
    await started.close();
  });

  it('that can not be written keeps the gateway from starting, and later no verb from its effect', async () => {
    mkdirSync(join(folder, 'taken.json'));
    await expect(gateway('taken.json')).rejects.toMatchObject({ code: 'STICKY_STATE_UNREADABLE' });
    const sub = join(folder, 'sub');
    const started = await gateway('sub/state.json');
    // What stands in the way of the new file: root may write anywhere.
    mkdirSync(join(sub, 'state.json.new'));
    chmodSync(sub, 0o500);
    const answer = await askAdmin(started.adminAddress!, '/pools/default/upstreams/api-1/drain', {
      body: {},
    });
    expect(answer.json()).toMatchObject({ changed: true, saved: false, upstream: { standing: 'leaving' } });
    expect(started.log.filter(({ msg }) => /can't be written/.test(msg))).toHaveLength(1);
    chmodSync(sub, 0o700);
    rmSync(join(sub, 'state.json.new'), { recursive: true });
    await until('the word to be written', () =>
      readFileSync(join(sub, 'state.json'), 'utf8').includes('api-1'),
    );
    expect(existsSync(join(sub, 'state.json.new'))).toBe(false);
    await started.close();
  });
});
