import http from 'node:http';
import { afterAll, expect, it } from 'vitest';
import { startUpstreamProcess } from '../support/upstream-process.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/*
 * What docs/rolling-deployments.md says, with real upstream processes: each of three is stopped and started
 * again, one after the other, while 300 users go on asking.
 */

const IDS = ['api-1', 'api-2', 'api-3'];
const USERS = 300;
const AT_ONCE = 20;

type UpstreamProcess = Awaited<ReturnType<typeof startUpstreamProcess>>;

const started: UpstreamProcess[] = [];
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
afterAll(async () => {
  agent.destroy();
  await Promise.all(started.map((upstream) => upstream.stop()));
});

interface User {
  cookie: string | undefined;
  home: string;
}

interface Answer {
  readonly status: number;
  readonly home: string;
  readonly cookie: string | undefined;
}

function ask(port: number, cookie: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = cookie === undefined ? {} : { cookie };
    const asked = http.get({ port, path: '/load-balancer-test', agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        resolve({
          status: answer.statusCode!,
          home: String(answer.headers['x-upstream']),
          cookie: answer.headers['set-cookie']?.[0]?.split(';')[0],
        }),
      );
    });
    asked.on('error', reject);
  });
}

/** Every user asks once; each must be served. */
async function round(gateway: TestGateway, users: readonly User[]): Promise<void> {
  const waiting = [...users];
  const one = async (): Promise<void> => {
    for (let user = waiting.pop(); user !== undefined; user = waiting.pop()) {
      const { status, home, cookie } = await ask(gateway.port, user.cookie);
      expect(status).toBe(200);
      user.home = home;
      user.cookie = cookie ?? user.cookie;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

const spread = (users: readonly User[]): number[] =>
  IDS.map((id) => users.filter(({ home }) => home === id).length);

/** How the users are spread before, and after all three were restarted. */
async function rollingRestart(): Promise<{ before: User[]; after: User[]; away: number[][] }> {
  const pool = await Promise.all(IDS.map((id) => startUpstreamProcess(id)));
  started.push(...pool);
  const gateway = await startTestGateway({
    upstreams: Object.fromEntries(pool.map(({ url }, at) => [IDS[at]!, url])),
    affinity: ['cookie'],
    balance: 'roundRobin',
    passive: { maxFails: 3, failTimeout: '30s' },
    health: { path: '/healthz', every: '200ms', healthyAfter: 1, unhealthyAfter: 3 },
  });
  const users = Array.from({ length: USERS }, (): User => ({ cookie: undefined, home: '' }));
  await round(gateway, users);
  const before = users.map((user) => ({ ...user }));
  const away: number[][] = [];
  for (const [at, upstream] of pool.entries()) {
    const id = IDS[at]!;
    await upstream.stop();
    await gateway.condition(id, 'down');
    await round(gateway, users);
    away.push(spread(users));
    started.push(await startUpstreamProcess(id, upstream.port));
    await gateway.condition(id, 'up');
    await round(gateway, users);
  }
  await gateway.close();
  return { before, after: users, away };
}

it('everybody is served all the time, and ends where it was', async () => {
  const { before, after, away } = await rollingRestart();
  expect(after.map(({ home }) => home)).toEqual(before.map(({ home }) => home));
  for (const count of spread(after)) {
    expect(count).toBeGreaterThanOrEqual(95);
    expect(count).toBeLessThanOrEqual(105);
  }
  // While one is away, both others share its users.
  away.forEach((counts, at) => {
    const others = counts.filter((_, index) => index !== at);
    expect([counts[at], Math.min(...others) > 120]).toEqual([0, true]);
  });
}, 60_000);
