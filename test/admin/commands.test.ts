import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { readConfig, startGateway, type RunningGateway } from '../../src/control/index.js';
import { freePort } from '../support/ports.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';

/* The commands that ask running gateways, against real ones. */

const TOKEN = 'a-token-for-these-tests';
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-commands-'));
const gateways: RunningGateway[] = [];
let one: string;
let other: string;

beforeAll(async () => {
  const upstreams = await Promise.all(['api-1', 'api-2', 'web-1'].map((id) => startUpstream({ id })));
  const [api1, api2, web1] = upstreams.map(({ url }) => url);
  const start = async (admin: object): Promise<string> => {
    const gateway = await startGateway(
      readConfig({
        listen: '127.0.0.1:0',
        pools: {
          api: { upstreams: { 'api-1': api1, 'api-2': api2 } },
          web: { upstreams: { 'web-1': web1, 'api-1': api1 } },
        },
        routes: [
          { match: { path: '/' }, pool: 'web', affinity: ['cookie'] },
          { match: { path: '/api' }, pool: 'api', affinity: [{ header: 'x-user-id' }] },
        ],
        keys: ['a key for tests, of thirty-two characters or more'],
        admin,
      }),
    );
    gateways.push(gateway);
    return gateway.adminAddress!;
  };
  one = await start({ listen: '127.0.0.1:0', token: TOKEN });
  other = await start({ listen: `unix:${join(folder, 'admin.sock')}` });
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function command(argv: readonly string[], columns?: number) {
  const said = { out: '', err: '' };
  const code = await run(argv, {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    ...(columns !== undefined && { columns: () => columns }),
    env: { STICKYROUTE_ADMIN_TOKEN: TOKEN },
    cwd: folder,
    signals: new EventEmitter(),
    openOutputs: () => expect.fail('this command serves nothing'),
    exit: () => undefined,
  });
  return { code, ...said };
}

describe('commands for running gateways', () => {
  it('status tells of one, and of several under their names', async () => {
    const { code, out } = await command(['status', '--admin', one]);
    expect(code).toBe(0);
    expect(out).toMatch(/^stickyroute \d.* at http:\/\/127\.0\.0\.1:\d+, up \d+s, /);
    expect(out).toMatch(/^api\/api-2 +up +\d+s +in +1 .* file/m);
    const both = await command(['status', '--admin', one, '--admin', other, '--json']);
    const lines = both.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ gateway, pools }) => [gateway, pools.length])).toEqual([
      [one, 2],
      [other, 2],
    ]);
  });

  it('a table fits the terminal', async () => {
    for (const columns of [30, 60, 80, 120]) {
      const { out } = await command(['upstreams', '--admin', one], columns);
      const widest = Math.max(...out.split('\n').map((line) => line.length));
      expect(widest, out).toBeLessThanOrEqual(Math.max(columns, 45));
      expect(out).toContain('UPSTREAM');
    }
  });

  it('drain, enable, disable and weight go to every gateway, by the name where it is enough', async () => {
    const drained = await command([
      'drain',
      'api-2',
      '--within',
      '1h',
      '--admin',
      one,
      '--admin',
      other,
      '--json',
    ]);
    const [first, second] = drained.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([drained.code, first.pool, first.upstream.standing]).toEqual([0, 'api', 'leaving']);
    // The same instants, so that both move the same users at the same time.
    expect([second.upstream.drain.from, second.upstream.drain.until]).toEqual([
      first.upstream.drain.from,
      first.upstream.drain.until,
    ]);
    expect((await command(['upstreams', '--admin', one])).out).toMatch(/leaving \d+% until \d\d:\d\d:\d\dZ/);
    const enabled = await command(['enable', 'api-2', '--admin', one]);
    expect(enabled.out).toBe('upstream api-2 of pool api is in, weight 1\n');
    const again = await command(['enable', 'api/api-2', '--admin', one]);
    expect(again.out).toBe('upstream api-2 of pool api is in, weight 1 (as before)\n');
    expect((await command(['disable', 'web-1', '--admin', one])).out).toContain('is out');
    expect((await command(['weight', 'web-1', '2.5', '--admin', one])).out).toContain('weight 2.5');
  });

  it('where says where a user goes now', async () => {
    const { code, out } = await command(['where', '--path', '/api', '-H', 'x-user-id: 7', '--admin', one]);
    expect(code).toBe(0);
    expect(out).toMatch(/upstream +api-\d http/);
    expect(out).toContain('as they are now');
  });

  it('events --last tells what happened; events follows, and comes back', async () => {
    const last = await command(['events', '--last', '--admin', one]);
    expect(last.out).toMatch(
      /^\S+Z standing pool=api upstream=api-2 from=in to=leaving until=\S+ by="admin /m,
    );
    const said = { out: '' };
    void run(['events', '--admin', other, '--json'], {
      stdout: { write: (text) => (said.out += text) },
      stderr: { write: () => undefined },
      env: {},
      cwd: folder,
      signals: new EventEmitter(),
      openOutputs: () => expect.fail('this command serves nothing'),
      exit: () => undefined,
    });
    await until('an event', async () => {
      await command(['disable', 'web-1', '--admin', other]);
      await command(['enable', 'web-1', '--admin', other]);
      return said.out.includes('"kind":"standing"');
    });
  });

  it.each([
    [['drain', 'api-1'], '2 pools have an upstream api-1. Write one of api/api-1, web/api-1.'],
    [['drain', 'api-9'], 'there is no upstream api-9. Did you mean api-'],
    [['reload'], 'There is no file to read again'],
    [['upstreams', 'shop'], 'The pools are: api, web.'],
    [['drain', 'api-2', '--within', '500d'], 'at most 400 days'],
  ])('%j is refused in words, and exits 1', async (argv, told) => {
    const { code, err } = await command([...argv, '--admin', one]);
    expect([code, err]).toEqual([1, expect.stringContaining(told)]);
  });

  it.each([
    [['drain', 'api-2', '--within', 'soon'], 'a number and a unit'],
    [['drain', 'api-2', '--wait'], 'need an end'],
    [['drain', 'api-2', '--within', '1h', '--timeout', '1h'], '--timeout is for --wait'],
    [['drain', 'api-2', '--within', '1h', '--until', '2027-03-01'], 'twice'],
    [['weight', 'api-2', '0'], 'above 0'],
    [['status', '--admin', '127.0.0.1:9900'], 'http://HOST:PORT'],
  ])('%j exits 2', async (argv, told) => {
    const { code, err } = await command(argv);
    expect([code, err]).toEqual([2, expect.stringContaining(told)]);
  });

  it('says where it looked when nobody answers, what is missing for a token, and what is no admin API', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const { code, err, out } = await command(['status', '--admin', nowhere, '--admin', one]);
    expect(code).toBe(1);
    expect(err).toBe(
      `stickyroute: No admin API answers at ${nowhere} (ECONNREFUSED). Is the gateway running, with admin in its configuration? Another address is named by --admin http://HOST:PORT or --admin unix:/PATH.\n`,
    );
    expect(out).toContain(`== ${one}`);
    writeFileSync(join(folder, 'token'), 'a-wrong-token-of-some-length\n');
    const wrong = await command(['status', '--admin', one, '--admin-token-file', 'token']);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('--admin-token-file FILE')]);
    const clients = await command(['status', '--admin', gateways[0]!.address]);
    expect([clients.code, clients.err]).toEqual([1, expect.stringContaining('is no admin API')]);
  });
});
