import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  startGatewayProcess,
  startTestGateway,
  type GatewayProcess,
  type TestGateway,
} from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { start, type RunningProcess } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { request } from '../support/raw-client.js';
import { until } from '../support/until.js';

/*
 * Two gateways, one of them with two workers, whose upstreams come from a real dnsmasq. They ask at times of
 * their own, so their views differ until the TTL of 1 s is over, a tenth more, and 200 ms for the change.
 */
skipUnless('dnsmasq')('with dnsmasq', () => {
  let folder: string;
  let dns: RunningProcess;
  let fleet: GatewayProcess;
  let single: TestGateway;
  let port: number;
  const servers: Server[] = [];

  const write = (...addresses: readonly string[]): void =>
    writeFileSync(join(folder, 'hosts'), addresses.map((each) => `${each} api.internal\n`).join(''));
  /** What dnsmasq says from now on. */
  const say = (...addresses: readonly string[]): void => {
    write(...addresses);
    dns.kill('SIGHUP');
  };
  const homes = async (at: number): Promise<string> => {
    const users = Array.from({ length: 40 }, (_, user) =>
      request(at, { headers: { 'x-user': `user-${user}` } }),
    );
    return (await Promise.all(users)).map((answer) => answer.header('x-upstream') ?? answer.status).join(' ');
  };
  const used = (text: string): string => [...new Set(text.split(' '))].sort().join(' ');
  const ids = (...hosts: readonly number[]): string =>
    hosts.map((host) => `api.internal[127.0.0.${host}]:${port}`).join(' ');
  const agreeOn = (what: string, expected: string): Promise<true> =>
    until(
      what,
      async () => {
        const [one, other] = await Promise.all([homes(fleet.port), homes(single.port)]);
        return one === other && used(one) === expected;
      },
      10_000,
    );

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dnsmasq-'));
    port = await freePort();
    for (const host of [1, 2, 3]) {
      const server = createServer((_, answer) => answer.end(`${host}`));
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(port, `127.0.0.${host}`, resolve));
    }
    write('127.0.0.1', '127.0.0.2');
    const dnsPort = await freePort();
    dns = start(program('dnsmasq'), [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--local-ttl=1'],
      ...['--bind-interfaces', '--listen-address=127.0.0.1', '--pid-file', '--log-facility=-', '--user=root'],
      ...[
        `--port=${dnsPort}`,
        `--addn-hosts=${join(folder, 'hosts')}`,
        '--server=/broken.internal/127.0.0.1#1',
      ],
      ...[
        `--srv-host=_http._tcp.internal,api-1.internal,${port},10,3`,
        '--address=/api-1.internal/127.0.0.3',
      ],
      ...Array.from({ length: 300 }, (_, at) => `--host-record=many.internal,10.0.${at >> 8}.${at & 255}`),
    ]);
    await dns.waitForPort(dnsPort);
    const resolvers = [`127.0.0.1:${dnsPort}`];
    const pool = (options: object): object => ({
      sources: [{ dns: { resolvers, timeout: '1s', every: '1s', ...options } }],
    });
    const config = {
      pools: {
        api: pool({ name: 'api.internal', port }),
        many: pool({ name: 'many.internal', port: 80 }),
        srv: pool({ name: '_http._tcp.internal' }),
        broken: pool({ name: 'broken.internal', port: 80 }),
      },
      routes: [
        { match: { path: '/' }, pool: 'api', affinity: [{ header: 'x-user' }] },
        ...['many', 'srv', 'broken'].map((each) => ({
          match: { path: `/${each}` },
          pool: each,
          affinity: ['ip'],
        })),
      ],
      sourceWait: '1s',
    };
    single = await startTestGateway(config);
    fleet = await startGatewayProcess({ workers: 2, accessLog: false, ...config });
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await fleet?.process.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('two gateways agree on what it says, and agree again after each change', async () => {
    await agreeOn('the first answer', ids(1, 2));
    say('127.0.0.3', '127.0.0.2');
    await agreeOn('a change', ids(2, 3));
    say('127.0.0.2', '127.0.0.1', '127.0.0.3');
    await agreeOn('all', ids(1, 2, 3));
  });

  it('three hundred records come over TCP, and SRV records with port and weight', async () => {
    const said = (pool: string, count: number): boolean =>
      single.log.some(({ msg = '' }) => msg.startsWith(`upstreams of pool ${pool}: ${count} came`));
    await until('many', () => said('many', 300), 10_000);
    expect((await request(fleet.port, { target: '/srv' })).header('x-upstream')).toBe(
      `api-1.internal:${port}`,
    );
  });

  it('a name that nobody can look up gives 503, and the log says why', async () => {
    expect((await request(fleet.port, { target: '/broken' })).status).toBe(503);
    const line = await until('the reason', () =>
      single.log.find(({ msg = '' }) => /source dns broken\.internal:80 of pool broken: A records/.test(msg)),
    );
    expect(line['why']).toMatch(/\(E[A-Z]+\)$/);
  });

  it('its silence and its end take nothing away', async () => {
    dns.kill('SIGSTOP');
    const silent =
      /source dns api\.internal:\d+ of pool api: A records of api.internal: no resolver answered/;
    await fleet.process.waitForLine(silent, 10_000);
    await agreeOn('all, in the silence', ids(1, 2, 3));
    dns.kill('SIGKILL');
    await fleet.process.waitForLine(/of pool api: .*ECONNREFUSED/, 10_000);
    await agreeOn('all, without a resolver', ids(1, 2, 3));
  });
});
