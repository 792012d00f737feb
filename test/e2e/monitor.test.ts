import http2, { type ClientHttp2Session } from 'node:http2';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scrape, type MetricSamples } from '../support/metric-samples.js';
import { accepts, freePort } from '../support/ports.js';
import { run } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { until, within } from '../support/until.js';
import { CLI, startGatewayProcess, type GatewayProcess } from './gateway.js';

/*
 * What those see who watch a gateway, and how it says that it goes. One process and several, from one table:
 * the answers are the same.
 */

const USERS = 60;

describe.each([1, 2])('a gateway of %i processes', (workers) => {
  let upstreams: FakeUpstream[];
  let gateway: GatewayProcess;
  let monitor: number;
  let config: object;

  beforeAll(async () => {
    upstreams = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })));
    monitor = await freePort();
    config = {
      http2: true,
      workers,
      monitor: { listen: `127.0.0.1:${monitor}` },
      shutdownDelay: '1m',
      affinity: [{ routeCookie: 'home' }, { header: 'x-user-id' }],
      upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    };
    gateway = await startGatewayProcess(config);
  });
  afterAll(async () => {
    await Promise.all(upstreams.map((upstream) => upstream.stop()));
  });

  const health = (path: string) =>
    run(process.execPath, [CLI, 'health', '--url', `http://127.0.0.1:${monitor}${path}`]);
  const reason = async (): Promise<string> => (await request(monitor, { target: '/ready' })).text();
  /** Connections spread over the workers. */
  const ask = (user: number, more: Record<string, string> = {}) =>
    request(gateway.port, { headers: { 'x-user-id': `user-${user}`, ...more } });

  it('is live and ready, and says so on the command line', async () => {
    for (const path of ['/live', '/ready', '/ready?verbose']) {
      const answer = await request(monitor, { target: path });
      expect([answer.status, answer.text()], path).toEqual([200, `${path.slice(1).split('?')[0]}\n`]);
    }
    if (workers > 1) return;
    expect(await health('')).toMatchObject({ code: 0, stdout: 'ready\n', stderr: '' });
    expect(await health('/live')).toMatchObject({ code: 0, stdout: 'live\n' });
  });

  it('answers nothing else on that port, and changes nothing', async () => {
    expect((await request(monitor, { target: '/metrics', method: 'HEAD' })).body.length).toBe(0);
    expect((await request(monitor, { target: '/' })).status).toBe(404);
    expect((await request(monitor, { target: '/metrics/../live' })).status).toBe(404);
    const post = await request(monitor, { target: '/ready', method: 'POST', body: 'x'.repeat(100_000) });
    expect([post.status, post.header('allow')]).toEqual([405, 'GET, HEAD']);
    const large = await request(monitor, { target: '/live', headers: { cookie: 'x'.repeat(20_000) } });
    expect(large.status).toBe(431);
  });

  it('counts requests by route, upstream, outcome and class, and users once', async () => {
    for (let round = 0; round < 3; round++)
      for (let user = 0; user < USERS; user++) expect((await ask(user)).status).toBe(200);
    await ask(1, { cookie: 'home=api-9' });
    const broken = await connect(gateway.port);
    broken.write('GET / HTTP/1.1\r\nHost: a b\r\n\r\n');
    expect((await broken.response()).status).toBe(400);
    broken.destroy();
    const seen = await scrape(monitor);
    const requests = 'stickyroute_requests_total';
    expect(seen.sum(requests, { route: 'default', outcome: 'keyed', code: '2xx' })).toBe(3 * USERS);
    expect(seen.sum(requests, { route: 'default', outcome: 'rehomed' })).toBe(1);
    expect(seen.sum(requests, { route: '', code: '4xx' })).toBe(1);
    expect(seen.values(requests, 'upstream')).toEqual(['', 'api-1', 'api-2', 'api-3']);
    expect(seen.sum('stickyroute_affinity_misses_total', { rule: 'routeCookie', why: 'gone' })).toBe(1);
    expect(seen.sum('stickyroute_moves_total', { why: 'gone' })).toBe(1);
    expect(seen.sum('stickyroute_refused_heads_total', { reason: 'host' })).toBe(1);
    expect(seen.sum('stickyroute_request_duration_seconds_count')).toBe(3 * USERS + 1);
    expect(seen.sum('stickyroute_upstream_answer_seconds_bucket', { le: '+Inf' })).toBe(3 * USERS + 1);
    expect(seen.sum('stickyroute_upstream_tries_total')).toBe(3 * USERS + 1);
    for (const window of ['1m', '15m', '60m'])
      expect(seen.sum('stickyroute_bound_users', { window }), window).toBe(USERS);
    for (const { id } of upstreams) {
      const served = seen.sum(requests, { upstream: id, outcome: 'keyed' })!;
      expect(seen.sum('stickyroute_bound_users', { upstream: id, window: '60m' })).toBe(served / 3);
    }
    expect(seen.sum('stickyroute_answer_bytes_total')).toBeGreaterThan(3 * USERS * 50);
    expect(seen.values('process_cpu_seconds_total', 'process')).toEqual(
      workers === 1 ? ['gateway'] : ['supervisor', 'worker-1', 'worker-2'],
    );
  });

  it('shows what is so now: connections, tunnels, streams, conditions and standings', async () => {
    upstreams[0]!.behaviour = { kind: 'silent' };
    const home = { cookie: 'home=api-1' };
    const waiting = await connect(gateway.port);
    waiting.write('GET / HTTP/1.1\r\nHost: a\r\nCookie: home=api-1\r\n\r\n');
    const idle = await connect(gateway.port);
    await idle.request({ headers: { cookie: 'home=api-2' } });
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    session.on('error', () => {});
    const stream = session.request({ ':path': '/', ...home }).on('error', () => {});
    const connections = 'stickyroute_connections';
    const seen = await until('what is open', async () => {
      const now = await scrape(monitor);
      return now.sum('stickyroute_upstream_requests_in_progress', { upstream: 'api-1' }) === 2 && now;
    });
    expect(seen.sum(connections, { protocol: 'HTTP/1.1', state: 'active' })).toBe(1);
    expect(seen.sum(connections, { protocol: 'HTTP/1.1', state: 'idle' })).toBeGreaterThanOrEqual(1);
    expect(seen.sum(connections, { protocol: 'HTTP/2', state: 'active' })).toBe(1);
    expect(seen.sum('stickyroute_http2_streams')).toBe(1);
    expect(seen.sum('stickyroute_upstream_condition', { condition: 'up' })).toBe(3);
    expect(seen.sum('stickyroute_upstream_standing', { standing: 'in' })).toBe(3);
    expect(seen.sum('stickyroute_upstream_weight')).toBe(3);
    waiting.destroy();
    stream.close(http2.constants.NGHTTP2_CANCEL, () => session.destroy());
    idle.destroy();
    const after = await until('their end', async () => {
      const now = await scrape(monitor);
      const open = now.sum('stickyroute_upstream_requests_in_progress');
      return open === 0 && now.sum(connections) === 0 && now;
    });
    expect(after.sum('stickyroute_http2_streams')).toBe(0);
    expect(after.sum('stickyroute_clients_gone_total')).toBe(2);
    upstreams[0]!.behaviour = { kind: 'answer' };
  });

  it('counts faults by their kind, retries, and reloads by their result', async () => {
    upstreams[0]!.behaviour = { kind: 'drop' };
    const before = await scrape(monitor);
    const answer = await ask(0, { cookie: 'home=api-1' });
    expect([answer.status, answer.header('x-upstream')]).not.toContain('api-1');
    upstreams[0]!.behaviour = { kind: 'answer' };
    await gateway.reload('nonsense: true', 'nothing changed');
    await gateway.reload(config);
    const after = await scrape(monitor);
    const more = (name: string, labels: Record<string, string> = {}): number =>
      (after.sum(name, labels) ?? 0) - (before.sum(name, labels) ?? 0);
    expect(more('stickyroute_upstream_faults_total', { upstream: 'api-1', fault: 'closed' })).toBe(1);
    expect(more('stickyroute_retries_total')).toBe(1);
    expect(more('stickyroute_reloads_total', { result: 'succeeded' })).toBe(1);
    expect(more('stickyroute_reloads_total', { result: 'failed' })).toBe(1);
    expect(after.sum('stickyroute_config_last_reload_successful')).toBe(1);
    expect(after.values('stickyroute_config_info', 'hash')).toEqual(
      before.values('stickyroute_config_info', 'hash'),
    );
    // Counts outlive a reload.
    expect(more('stickyroute_requests_total', { outcome: 'keyed' })).toBe(0);
  });

  skipUnless('promtool')('for Prometheus', () => {
    it('its metrics are without fault', async () => {
      const { text } = await scrape(monitor);
      const checked = await run(program('promtool'), ['check', 'metrics'], { input: text });
      expect([checked.code, checked.stdout, checked.stderr]).toEqual([0, '', '']);
    });
  });

  if (workers > 1)
    it('keeps what a worker had counted that is gone', async () => {
      const sum = (seen: MetricSamples): number => seen.sum('stickyroute_requests_total')!;
      const before = await scrape(monitor);
      const pids = [...gateway.process.stdout.matchAll(/worker (\d+) listens/g)].map(([, pid]) =>
        Number(pid),
      );
      process.kill(pids[0]!, 'SIGKILL');
      await until(
        'another worker',
        () => gateway.process.stdout.split(' listens').length > pids.length + 1,
        10_000,
      );
      expect(sum(await scrape(monitor))).toBe(sum(before));
      expect((await ask(1)).status).toBe(200);
      const after = await scrape(monitor);
      expect(sum(after)).toBe(sum(before) + 1);
      expect(after.values('process_cpu_seconds_total', 'process')).toContain('worker-1');
    });

  it('is not ready while a pool has no upstream that may be tried, and tells which', async () => {
    const ports = await Promise.all([freePort(), freePort()]);
    const dead = Object.fromEntries(ports.map((port, index) => [`api-${index}`, `http://127.0.0.1:${port}`]));
    const health1 = { path: '/healthz', every: '100ms', unhealthyAfter: 1 };
    await gateway.reload({ ...config, upstreams: dead, health: health1 });
    await until('not ready', async () => (await reason()).startsWith('not ready'));
    expect(await reason()).toBe('not ready\npool default has no upstream that may be tried\n');
    expect((await request(monitor, { target: '/live' })).status).toBe(200);
    expect((await scrape(monitor)).sum('stickyroute_ready')).toBe(0);
    if (workers === 1)
      expect(await health('/')).toMatchObject({
        code: 1,
        stdout: 'not ready: pool default has no upstream that may be tried\n',
      });
    await gateway.reload(config);
    await until('ready', async () => (await reason()) === 'ready\n');
  });

  it('says that it goes and serves on, until a second signal ends the delay', async () => {
    const kept = await connect(gateway.port);
    expect((await kept.request()).header('connection')).toBeUndefined();
    const session = http2.connect(`http://127.0.0.1:${gateway.port}`);
    await askHttp2(session);
    const goaway = once(session, 'goaway') as Promise<[code: number, lastStream: number]>;
    gateway.process.kill('SIGTERM');
    await gateway.process.waitForLine(/stopping in 1m; until then requests are served/);
    await until('not ready', async () => (await reason()) === 'not ready\nthe gateway is going\n');
    expect((await request(monitor, { target: '/live' })).status).toBe(200);
    const [code, lastStream] = await within('GOAWAY', goaway);
    expect([code, lastStream]).toEqual([0, 2 ** 31 - 1]);
    const last = await kept.request();
    expect([last.status, last.header('connection')]).toEqual([200, 'close']);
    for (let count = 0; count < 6; count++) {
      const answer = await ask(count);
      expect([answer.status, answer.header('connection')]).toEqual([200, 'close']);
    }
    const late = http2.connect(`http://127.0.0.1:${gateway.port}`);
    late.on('error', () => {});
    const lateGoaway = once(late, 'goaway');
    expect(await askHttp2(late)).toBe(200);
    await within('GOAWAY to one that came late', lateGoaway);
    expect((await scrape(monitor)).sum('stickyroute_ready')).toBe(0);
    gateway.process.kill('SIGTERM');
    await gateway.process.waitForLine(/no longer waiting/);
    expect(await gateway.process.waitForExit()).toEqual({ code: 0, signal: null });
    expect(await accepts(monitor)).toBe(false);
    expect(await health('/ready')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

it.each([1, 2])('the delay ends by itself, with %i processes', async (workers) => {
  const upstream = await startUpstream();
  const gateway = await startGatewayProcess({ workers, upstreams: [upstream.url], shutdownDelay: '300ms' });
  gateway.process.kill('SIGTERM');
  await gateway.process.waitForLine(/stopping in 300ms/);
  expect(await gateway.process.waitForExit()).toEqual({ code: 0, signal: null });
});

it('a port that is taken is told with the setting that chose it', async () => {
  const upstream = await startUpstream();
  const started = run(process.execPath, [
    '--input-type=module',
    '-e',
    `import { readConfig, startGateway } from '${new URL('../../dist/control/index.js', import.meta.url).href}';
     await startGateway(readConfig({ listen: '127.0.0.1:0', upstreams: ['${upstream.url}'], monitor: { listen: '127.0.0.1:${new URL(upstream.url).port}' } })).catch((error) => console.log(error.code, error.message));`,
  ]);
  expect((await started).stdout).toMatch(/^STICKY_LISTEN_FAILED .* is in use\. .* with monitor\.listen\.\n$/);
});

function askHttp2(session: ClientHttp2Session): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/', 'x-user-id': 'user-1' });
    stream.on('response', (headers) => resolve(headers[':status'] ?? 0));
    stream.on('error', reject);
    stream.resume();
  });
}
