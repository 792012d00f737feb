import { describe, expect, it, beforeAll } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { askAdmin, followEvents } from './admin-client.js';

/* The same for one process and for a fleet: `stickyroute up` with an admin API, looked at and steered. */

const TOKEN = 'a-token-for-these-tests';

describe.each([1, 2])('the admin API of a gateway with %i process(es)', (workers) => {
  let upstreams: FakeUpstream[];
  let gateway: GatewayProcess;
  let admin: string;
  const config = (more: object = {}): object => ({
    workers,
    upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    affinity: [{ header: 'x-user-id' }],
    admin: { listen: admin.slice('http://'.length), token: TOKEN },
    ...more,
  });
  const ask = (path: string, body?: object) => askAdmin(admin, path, { token: TOKEN, ...(body && { body }) });
  const at = '/pools/default/upstreams/api-2';

  beforeAll(async () => {
    upstreams = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })));
    admin = `http://127.0.0.1:${await freePort()}`;
    gateway = await startGatewayProcess(config());
    await until('all workers', async () => (await ask('/status')).json().workers.listening === workers);
  });

  const homes = async (): Promise<string[]> => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, user) =>
        request(gateway.port, { headers: { 'x-user-id': `user-${user}` } }),
      ),
    );
    return [...new Set(answers.map((answer) => answer.header('x-upstream')!))].sort();
  };

  it('tells how the gateway is', async () => {
    expect((await ask('/status')).json()).toMatchObject({
      address: `http://127.0.0.1:${gateway.port}`,
      workers: { wanted: workers, listening: workers },
      write: true,
      configuration: { file: gateway.file },
      pools: [{ name: 'default', upstreams: 3, conditions: { up: 3 }, standings: { in: 3 } }],
    });
    expect((await ask('/routes')).json()).toMatchObject({
      routes: [{ name: 'default', pool: 'default', affinity: [{ name: 'header', subject: 'x-user-id' }] }],
    });
    expect((await ask(at)).json()).toMatchObject({
      id: 'api-2',
      condition: 'up',
      why: 'joined',
      standing: 'in',
      from: { standing: 'file', weight: 'file' },
    });
    const { config: shown } = (await ask('/config')).json();
    expect([shown.keys, shown.admin.token]).toEqual([['<secret>'], '<secret>']);
    expect(JSON.stringify(shown)).not.toMatch(/a key for tests|a-token-for-these/);
  });

  it('drains, disables and enables in every worker, once and again', async () => {
    const events = followEvents(admin, { authorization: `Bearer ${TOKEN}` });
    await until('a first snapshot', () => events.snapshots.length > 0);
    for (const [verb, standing, left] of [
      ['drain', 'leaving', ['api-1', 'api-3']],
      ['disable', 'out', ['api-1', 'api-3']],
      ['enable', 'in', ['api-1', 'api-2', 'api-3']],
    ] as const) {
      const first = await ask(`${at}/${verb}`, {});
      expect([first.status, first.json()]).toMatchObject([200, { changed: true, upstream: { standing } }]);
      expect((await ask(`${at}/${verb}`, {})).json()).toMatchObject({ changed: false });
      await until(`users to go to ${left.join()}`, async () => (await homes()).join() === left.join());
      expect((await ask(at)).json().from.standing).toBe(standing === 'in' ? 'file' : 'admin');
    }
    await until('three changes', () => events.changes.length === 3);
    expect(events.changes).toMatchObject([
      { kind: 'standing', pool: 'default', upstream: 'api-2', from: 'in', to: 'leaving' },
      { from: 'leaving', to: 'out' },
      { from: 'out', to: 'in', by: expect.stringMatching(/^admin 127\.0\.0\.1:\d+$/) },
    ]);
    // A reader that comes back finds what it missed.
    const { id } = events.changes[0];
    const again = followEvents(admin, { authorization: `Bearer ${TOKEN}`, 'last-event-id': id });
    await until('what it missed', () => again.changes.length === 2);
    const other = followEvents(admin, { authorization: `Bearer ${TOKEN}`, 'last-event-id': 'ffffffff-1' });
    await until('the word that something is missing', () => other.text.includes('event: gap'));
    expect((await ask(`/events?after=${id}`)).json()).toMatchObject({ isGap: false, events: [{}, {}] });
    for (const each of [events, again, other]) each.close();
  });

  it('writes a line for every change: who, what, before and after', async () => {
    await ask(`${at}/weight`, { weight: 2.5 });
    const line = await until('its line', () =>
      gateway.process.stdout
        .split('\n')
        .filter((text) => text.includes('"weight":2.5'))
        .map((text) => JSON.parse(text))
        .find(({ after }) => after !== undefined),
    );
    expect(line).toMatchObject({
      by: expect.stringMatching(/^admin 127\.0\.0\.1:\d+$/),
      pool: 'default',
      upstream: 'api-2',
      before: { standing: 'in', weight: 1 },
      after: { standing: 'in', weight: 2.5 },
    });
  });

  it('reloads; a bad file changes nothing, and the words of operators stay', async () => {
    await gateway.reload(config({ placement: 'ring' }));
    expect((await ask(at)).json()).toMatchObject({ weight: 2.5, from: { weight: 'admin' } });
    await gateway.reload('upstreams: 7', 'nothing changed');
    const refused = await ask('/reload', {});
    expect([refused.status, refused.json().error]).toMatchObject([
      422,
      { code: 'STICKY_CONFIG_INVALID', problems: [{ path: 'upstreams' }] },
    ]);
    expect((await ask('/status')).json().configuration.lastReload).toMatchObject({
      by: expect.stringMatching(/^admin/),
      problem: expect.stringContaining('upstreams'),
    });
    await gateway.reload(config({ workers: workers + 1, placement: 'ring' }));
    expect((await ask('/forecast', {})).json()).toMatchObject({
      moved: 0,
      lines: [{ kind: 'restart', text: expect.stringContaining('workers stays') }],
    });
    const reloaded = await ask('/reload', {});
    expect(reloaded.json()).toMatchObject({ needsRestart: [{ setting: 'workers' }] });
  });

  it('explains a request, and never logs what it was asked with', async () => {
    const before = gateway.process.stdout.length;
    const answer = await ask('/explain', { path: undefined, url: '/', headers: [['x-user-id', 'secret-7']] });
    const { upstream } = answer.json();
    const real = await request(gateway.port, { headers: { 'x-user-id': 'secret-7' } });
    expect(real.header('x-upstream')).toBe(upstream.id);
    expect(gateway.process.stdout.slice(before) + gateway.process.stderr).not.toContain('secret-7');
  });

  it('says what there is for what is not there, and refuses what contradicts', async () => {
    for (const [path, body, status, told] of [
      ['/pools/api', undefined, 404, 'The pools are: default.'],
      ['/pools/default/upstreams/api-9/drain', {}, 404, 'has no upstream "api-9"'],
      ['/pools/default/upstreams/api-1/weight', { weight: -1 }, 400, 'must be above 0'],
      ['/pools/default/upstreams/api-1/weight', { wait: 1 }, 400, 'weight'],
      ['/explain', { ip: 'nowhere' }, 400, 'must be an IPv4 or IPv6 address'],
      ['/nothing', undefined, 404, '/openapi.json'],
      ['/pools/default/upstreams/api-1/drain', undefined, 405, 'POST'],
      ['/status', {}, 405, 'GET, HEAD'],
    ] as const) {
      const { status: found, ...answer } = await ask(path, body);
      expect([found, answer.json().error.message], path).toEqual([status, expect.stringContaining(told)]);
    }
  });

  it('counts an upstream that dies, and says why', async () => {
    await upstreams[0]!.stop();
    await gateway.reload(
      config({
        health: { path: '/', every: '100ms', unhealthyAfter: 1, healthyAfter: 1 },
        placement: 'ring',
      }),
    );
    const down = await until('it to be down', async () => {
      const seen = (await ask('/pools/default/upstreams/api-1')).json();
      return seen.condition === 'down' && seen.lastProbe !== undefined && seen;
    });
    expect(down).toMatchObject({
      why: 'probesFailed',
      cause: 'ECONNREFUSED',
      lastProbe: { result: 'failed', cause: 'ECONNREFUSED' },
      lastFault: { by: 'probe', cause: 'ECONNREFUSED' },
    });
    const { events } = (await ask('/events')).json();
    expect(events.at(-1)).toMatchObject({ kind: 'condition', upstream: 'api-1', to: 'down' });
  });
});
