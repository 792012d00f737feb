import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { TLSSocket } from 'node:tls';
import { CLI } from '../e2e/gateway.js';
import { Crowd, users } from '../e2e/crowd.js';
import { accepts, freePort } from '../support/ports.js';
import { run, start } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { runs, startFleet, throughBoth } from './fleet.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-workers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const urls = (upstreams: readonly FakeUpstream[]) =>
  Object.fromEntries(upstreams.map(({ id, port }) => [id, `http://127.0.0.1:${port}`]));
const crowdOf = (port: number, visitsPerConnection: number) =>
  new Crowd(
    port,
    users(20, (name) => ({ headers: { 'x-user-id': name } })),
    visitsPerConnection,
  ).start();

describe('a reload with two workers', () => {
  it('under load loses no request, reaches both, and one after the other', async () => {
    const upstreams = await startUpstreams(3);
    const affinity = [{ header: 'x-user-id' }];
    const fleet = await startFleet({ accessLog: false, affinity, upstreams: urls(upstreams.slice(0, 2)) });
    const crowd = crowdOf(fleet.port, 4);
    await crowd.seen(3);
    await fleet.reload({
      workers: 2,
      accessLog: true,
      affinity,
      upstreams: urls(upstreams.slice(1)),
      placement: 'ring',
    });
    const after = await crowd.seen(3);
    await fleet.reload('upstreams: {}\n', 'nothing changed');
    await crowd.seen(2);
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(after.map(({ upstream }) => upstream))).toEqual(new Set(['api-2', 'api-3']));
    await throughBoth(fleet, '/reloaded');

    // One worker after the other: while the first can't answer, the second goes on as it was.
    const [first] = fleet.workers();
    process.kill(first!, 'SIGSTOP');
    onTestFinished(() => void (runs(first!) && process.kill(first!, 'SIGCONT')));
    const reload = fleet.reload({ workers: 2, affinity, upstreams: urls(upstreams.slice(0, 1)) });
    for (let count = 0; count < 60; count++)
      expect((await request(fleet.port)).header('x-upstream')).not.toBe('api-1');
    process.kill(first!, 'SIGCONT');
    await reload;
    expect((await request(fleet.port)).header('x-upstream')).toBe('api-1');
  });

  skipUnless('openssl')('of a certificate', () => {
    it('is met on connections to either', async () => {
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      const issue = (name: string) =>
        execFileSync(
          program('openssl'),
          [
            'req',
            '-x509',
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:prime256v1',
            '-nodes',
            '-days',
            '2',
            '-subj',
            `/CN=${name}`,
            '-keyout',
            key,
            '-out',
            cert,
          ],
          { stdio: 'ignore' },
        );
      const upstreams = await startUpstreams(1);
      const config = {
        workers: 2,
        accessLog: true,
        upstreams: urls(upstreams),
        affinity: [],
        tls: { cert, key },
      };
      issue('first.example');
      const fleet = await startFleet(config);
      const name = async () => {
        const client = await connect(fleet.port, { tls: {} });
        const { subject } = (client.socket as TLSSocket).getPeerCertificate();
        client.destroy();
        return subject.CN;
      };
      expect(await name()).toBe('first.example');
      issue('second.example');
      await fleet.reload(config);
      // A worker that comes later has it too, whatever is in the files by then.
      writeFileSync(cert, 'gone');
      process.kill(fleet.workers()[0]!, 'SIGKILL');
      await until('one worker less', () => fleet.workers().length === 1);
      await until('another worker', () => fleet.workers().length === 2, 10_000);
      await throughBoth(fleet, '/secure', { tls: {} });
      expect(new Set(await Promise.all(Array.from({ length: 16 }, name)))).toEqual(
        new Set(['second.example']),
      );
    });
  });
});

describe('the end of a gateway with two workers', () => {
  it('SIGTERM under load: no request fails, and it exits 0 when all workers are gone', async () => {
    const fleet = await startFleet({
      upstreams: urls(await startUpstreams(2)),
      affinity: [{ header: 'x-user-id' }],
    });
    const workers = fleet.workers();
    const crowd = crowdOf(fleet.port, Infinity);
    await crowd.seen(5);
    crowd.gatewayGoes();
    fleet.process.kill('SIGTERM');
    expect(await fleet.process.waitForExit()).toEqual({ code: 0, signal: null });
    expect(workers.filter(runs)).toEqual([]);
    await until('everybody to know', () => crowd.sentAway.size === 20);
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
    // What was served is in the log to the last line.
    expect(fleet.log().filter(({ status }) => status === 200)).toHaveLength(crowd.visits.length);
  });

  it('a second SIGTERM ends it at once', async () => {
    const [upstream] = await startUpstreams(1);
    upstream!.behaviour = { kind: 'silent' };
    const fleet = await startFleet({ upstreams: urls([upstream!]), affinity: [] });
    const workers = fleet.workers();
    const client = await connect(fleet.port);
    client.send();
    await until('a request in progress', () => upstream!.seen.length === 1);
    fleet.process.kill('SIGTERM');
    await fleet.process.waitForLine(/stopping; requests in progress may finish/);
    expect(workers.some(runs)).toBe(true);
    fleet.process.kill('SIGTERM');
    expect((await fleet.process.waitForExit()).code).toBe(1);
    await until('the workers to be gone', () => !workers.some(runs));
  });

  it('kill -9 of the supervisor leaves no process behind', async () => {
    const fleet = await startFleet({ upstreams: urls(await startUpstreams(1)), affinity: [] });
    const workers = fleet.workers();
    const client = await connect(fleet.port);
    await client.request();
    fleet.process.kill('SIGKILL');
    await until('the workers to be gone', () => !workers.some(runs));
    await until('the port to be free', async () => !(await accepts(fleet.port)));
  });
});

describe("workers that can't start", () => {
  const up = (listen: string, url = 'http://127.0.0.1:1') =>
    run(process.execPath, [
      CLI,
      'up',
      '--workers',
      '2',
      '--upstream',
      url,
      '--affinity',
      'ip',
      '--listen',
      listen,
    ]);

  it('a port in use is told in one line, with exit code 1', async () => {
    const [upstream] = await startUpstreams(1);
    const { code, stderr, stdout } = await up(`127.0.0.1:${upstream!.port}`);
    expect(stderr).toBe(
      `stickyroute: 127.0.0.1:${upstream!.port} is in use. Stop what listens there, or choose another port with listen (--listen).\n`,
    );
    expect([code, stdout]).toEqual([1, '']);
  });

  it('so is a host name that has no address', async () => {
    const port = await freePort();
    const { code, stderr } = await up(`no-such-host.invalid:${port}`);
    expect(stderr).toBe(
      `stickyroute: no-such-host.invalid:${port} can't be opened: no-such-host.invalid names no address here. Write an address of this machine, or leave the host out.\n`,
    );
    expect(code).toBe(1);
  });
});

it('the counters of all workers are added up, and those of a dead one stay in the sum', async () => {
  const [upstream] = await startUpstreams(1);
  const port = await freePort();
  const script = `
    import { pino } from '${import.meta.resolve('pino')}';
    import { readConfig } from '${new URL('../../dist/control/index.js', import.meta.url)}';
    import { startSupervisor } from '${new URL('../../dist/control/workers/supervisor.js', import.meta.url)}';
    const config = readConfig({ listen: '127.0.0.1:${port}', upstreams: ${JSON.stringify(urls([upstream!]))}, affinity: [] });
    const gateway = await startSupervisor(config, 2, { logger: pino({ base: null }) });
    process.on('SIGUSR2', async () => console.log('counted ' + JSON.stringify(await gateway.operations.counters())));
  `;
  const file = join(folder, 'counted.mjs');
  writeFileSync(file, script);
  const child = start(process.execPath, [file]);
  const count = async (): Promise<object> => {
    const before = child.stdout.split('counted ').length;
    child.kill('SIGUSR2');
    await until(
      'the counters',
      () => child.stdout.split('counted ').length > before && child.stdout.endsWith('}\n'),
    );
    return JSON.parse(child.stdout.split('counted ').at(-1)!.split('\n')[0]!) as object;
  };
  await until('both workers', () => child.stdout.split(' listens').length > 2, 10_000);
  const held = await Promise.all(Array.from({ length: 12 }, () => connect(port)));
  await Promise.all(held.map((client) => client.request()));
  held[0]!.write('nonsense\r\n\r\n');
  await held[0]!.response();
  const seen = {
    requests: 13,
    outcomes: { balanced: 12 },
    statuses: { '2xx': 12, '4xx': 1 },
    shortages: 0,
    turnedAway: 0,
  };
  await until(
    'the refused one to be gone',
    async () => ((await count()) as { connections: number }).connections === 11,
  );
  expect(await count()).toEqual({ ...seen, connections: 11 });
  process.kill(Number(/worker (\d+) listens/.exec(child.stdout)![1]), 'SIGKILL');
  await child.waitForLine(/ ended /);
  expect(await count()).toMatchObject(seen);
  child.kill();
});
