import { afterEach, describe, expect, it } from 'vitest';
import { rendezvous } from '../../src/route/placement/index.js';
import { request } from '../support/raw-client.js';
import { startUpstreamProcess } from '../support/upstream-process.js';
import { until } from '../support/until.js';
import { Crowd, homes, onlyHomes, users, type User, type Visit } from './crowd.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const IDS = ['api-1', 'api-2', 'api-3'];
const VICTIM = 'api-2';
const USERS = 45;

type UpstreamProcess = Awaited<ReturnType<typeof startUpstreamProcess>>;

const started: UpstreamProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((upstream) => upstream.stop()));
});

async function startUpstreamProcesses(): Promise<Map<string, UpstreamProcess>> {
  const pool = await Promise.all(IDS.map((id) => startUpstreamProcess(id)));
  started.push(...pool);
  return new Map(IDS.map((id, at) => [id, pool[at]!]));
}

function urls(pool: ReadonlyMap<string, UpstreamProcess>): Record<string, string> {
  return Object.fromEntries([...pool].map(([id, { url }]) => [id, url]));
}

/**
 * Some ask for what comes at once, some for what takes a while, some for what comes in parts: so that the
 * kill meets all of them.
 */
function idempotentUsers(): User[] {
  const targets = ['/load-balancer-test', '/slow?ms=15', '/stream?parts=4&ms=5'];
  return users(USERS, (name, at) => ({
    target: targets[at % targets.length]!,
    headers: { 'x-user-id': name },
  }));
}

interface Story {
  readonly gateway: TestGateway;
  readonly crowd: Crowd;
  /** Where everybody was before the kill. */
  readonly home: ReadonlyMap<string, string>;
  readonly isBereft: (user: string) => boolean;
  /** Visits that began after the kill, from the moment the gateway knew it. */
  readonly meanwhile: readonly Visit[];
  /** Visits that began when the upstream was up again. */
  readonly after: readonly Visit[];
  readonly killedAt: number;
}

/** A crowd; kill -9 of one upstream; the crowd goes on; the upstream returns; the crowd goes on. */
async function killAndRevive(affinity: readonly unknown[]): Promise<Story> {
  const pool = await startUpstreamProcesses();
  const gateway = await startTestGateway({
    upstreams: urls(pool),
    affinity,
    passive: { maxFails: 3, failTimeout: '10s' },
    // Who is killed is noticed by requests. The probes say when it is back, and must not take a busy machine
    // for a dead upstream.
    health: { path: '/healthz', every: '500ms', healthyAfter: 2, unhealthyAfter: 4 },
  });
  const crowd = new Crowd(gateway.port, idempotentUsers()).start();
  const home = onlyHomes(await crowd.seen(3));
  const isBereft = (user: string): boolean => home.get(user) === VICTIM;
  expect([...home.keys()].filter(isBereft).length).toBeGreaterThan(5);

  const killedAt = performance.now();
  pool.get(VICTIM)!.kill('SIGKILL');
  await gateway.condition(VICTIM, 'down');
  const meanwhile = await crowd.seen(5);
  started.push(await startUpstreamProcess(VICTIM, pool.get(VICTIM)!.port));
  await gateway.condition(VICTIM, 'up');
  const after = await crowd.seen(5);
  await crowd.stop();
  return { gateway, crowd, home, isBereft, meanwhile, after, killedAt };
}

/** What holds under every failure policy. */
function othersNoticedNothing({ crowd, home, isBereft }: Story): void {
  const others = crowd.visits.filter(({ user }) => !isBereft(user));
  expect(
    others.filter(({ status, upstream, user }) => status !== 200 || upstream !== home.get(user)),
  ).toEqual([]);
  expect(others.filter(({ upstream, servedBy }) => upstream !== servedBy)).toEqual([]);
  expect(
    crowd.failures.filter(({ hadBegun, user }) => !hadBegun || !isBereft(user)),
    'only answers that had begun may fail',
  ).toEqual([]);
  // One request in hand each: the kill can't cut more.
  expect(crowd.failures.length).toBeLessThanOrEqual([...home.keys()].filter(isBereft).length);
}

describe('kill -9 of one upstream under idempotent requests: nobody else is moved, and only answers that had begun fail', () => {
  it('rehome: its users are served elsewhere at once, are bound anew, and stay there when it returns', async () => {
    const story = await killAndRevive([{ cookie: { onFailure: 'rehome', rehomeAfter: '0s' } }]);
    othersNoticedNothing(story);
    const { isBereft, meanwhile, after, crowd } = story;
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
    const moved = onlyHomes(meanwhile.filter(({ user }) => isBereft(user)));
    expect([...moved.values()]).not.toContain(VICTIM);
    expect(onlyHomes(after.filter(({ user }) => isBereft(user)))).toEqual(moved);
    expect(new Set(after.map(({ affinity }) => affinity))).toEqual(new Set(['bound by cookie']));
  });

  it('borrow: its users are served by one stand-in each, keep their cookie, and return when it does', async () => {
    const story = await killAndRevive([{ cookie: { onFailure: 'borrow' } }]);
    othersNoticedNothing(story);
    const { isBereft, meanwhile, after, crowd } = story;
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
    expect(
      crowd.visits.filter(({ setsCookie, startedAt }) => setsCookie && startedAt >= story.killedAt),
    ).toEqual([]);
    const lent = meanwhile.filter(({ user }) => isBereft(user));
    expect([...onlyHomes(lent).values()]).not.toContain(VICTIM);
    expect(new Set(lent.map(({ affinity }) => affinity))).toEqual(new Set(['borrowed by cookie (down)']));
    expect(onlyHomes(after)).toEqual(story.home);
  });

  it('reject: its users get 503 with Retry-After, and come back when it does', async () => {
    const story = await killAndRevive([{ cookie: { onFailure: 'reject' } }]);
    othersNoticedNothing(story);
    const { isBereft, meanwhile, after, crowd } = story;
    const refused = meanwhile.filter(({ user }) => isBereft(user));
    expect(new Set(refused.map(({ status, affinity }) => `${status} ${affinity}`))).toEqual(
      new Set(['503 rejected by cookie (down)']),
    );
    const answered = crowd.visits.filter(({ status }) => status === 200);
    expect(answered.filter(({ upstream, user }) => upstream !== story.home.get(user))).toEqual([]);
    // Whoever was being served over a connection's first request may hear 502: the upstream took it and
    // broke.
    const told = crowd.visits.filter(
      ({ status, startedAt }) => status !== 200 && !(status === 502 && startedAt < story.killedAt),
    );
    expect(told.filter(({ status, retryAfter }) => status !== 503 || !(Number(retryAfter) > 0))).toEqual([]);
    expect(onlyHomes(after)).toEqual(story.home);
  });

  it('by key: each of its users goes to the next candidate of that key, and back', async () => {
    const story = await killAndRevive([{ header: 'x-user-id' }]);
    othersNoticedNothing(story);
    const { isBereft, meanwhile, after, crowd } = story;
    const placement = rendezvous(IDS);
    expect(crowd.visits.filter(({ status }) => status !== 200)).toEqual([]);
    for (const [user, upstream] of onlyHomes(meanwhile.filter((each) => isBereft(each.user)))) {
      expect(placement.candidates(user).slice(0, 2), user).toEqual([VICTIM, upstream]);
    }
    expect(onlyHomes(after)).toEqual(story.home);
  });
});

describe('when nobody is left', () => {
  it('everyone is told 503 with Retry-After, fast, and served again when an upstream returns', async () => {
    const pool = await startUpstreamProcesses();
    const gateway = await startTestGateway({
      upstreams: urls(pool),
      affinity: ['cookie', 'ip'],
      passive: { maxFails: 1, failTimeout: '200ms' },
    });
    const target = '/load-balancer-test';
    const crowd = new Crowd(
      gateway.port,
      users(20, () => ({ target })),
    ).start();
    await crowd.seen(2);
    for (const upstream of pool.values()) upstream.kill('SIGKILL');
    for (const id of IDS) await gateway.condition(id, 'down');
    const refused = await crowd.seen(5);
    await crowd.stop();
    expect(crowd.failures.filter(({ hadBegun }) => !hadBegun)).toEqual([]);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
    expect(refused.filter(({ retryAfter }) => !(Number(retryAfter) > 0))).toEqual([]);

    const before = performance.now();
    for (let at = 0; at < 50; at++) expect((await request(gateway.port, { target })).status).toBe(503);
    const eachMs = (performance.now() - before) / 50;
    console.log(`a 503 with every upstream down takes ${eachMs.toFixed(1)} ms, connecting included`);
    // Nobody waits for a limit: the shortest, of a connection, is three seconds.
    expect(eachMs).toBeLessThan(1500);

    started.push(await startUpstreamProcess('api-1', pool.get('api-1')!.port));
    await until('an answer', async () => (await request(gateway.port, { target })).status === 200);
    expect(
      [...homes(crowd.visits.filter(({ status }) => status === 200)).values()].every(
        (all) => all.length === 1,
      ),
    ).toBe(true);
  });
});
