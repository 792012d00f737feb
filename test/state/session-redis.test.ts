import { fileURLToPath } from 'node:url';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSessions, type Sessions } from '../../src/state/session/sessions.js';
import { refOf } from '../../src/state/session/session-id.js';
import { redisStore } from '../../src/state/store/redis/index.js';
import type { Store } from '../../src/state/store/store.js';
import { start } from '../support/processes.js';
import { skipUnless } from '../support/programs.js';
import { startRedis, type RunningRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { apps, Visitor, type RunningApp, type TestFields } from './session-apps.js';

const PROCESS = fileURLToPath(new URL('session-process.mjs', import.meta.url));

skipUnless('redis-server')('sessions over a real Redis, with requests in flight', () => {
  let redis: RunningRedis;
  let client: ReturnType<typeof createClient>;
  let store: Store;
  let sessions: Sessions<TestFields>;
  let app: RunningApp;
  let gate = { came: Promise.resolve(), open: () => {} };

  /** The next request to /slow tells that it came, and goes on when the gate is opened. */
  const closeGate = (): void => {
    let open = () => {};
    let tell = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const came = new Promise<void>((resolve) => (tell = resolve));
    slow = () => {
      tell();
      return opened;
    };
    gate = { came, open };
  };
  let slow = () => Promise.resolve();

  beforeAll(async () => {
    redis = await startRedis({ durable: true });
    client = createClient({ url: redis.url });
    client.on('error', () => {});
    await client.connect();
    store = redisStore(client, { timeout: '1s' });
    sessions = createSessions<TestFields>({ store, onEvent: () => {} });
    app = await apps['Express 5']!(sessions, async (session, url) => {
      const [, what, name] = url.pathname.split('/') as [string, string, string];
      if (what === 'slow') {
        await slow();
        session.set(name, 'slow');
      } else if (what === 'set') session.set(name, 'set');
      else if (what === 'count')
        await session.update('count', (count) => ((count as number | undefined) ?? 0) + 1);
      else if (what === 'login') await session.login(name);
      else if (what === 'regenerate') await session.regenerate();
      else if (what === 'logout') await session.destroy();
      return JSON.stringify({ user: session.userId ?? null, ...session.all() });
    });
  });

  afterAll(async () => {
    await app.close();
    await store.close();
    client.destroy();
  });

  const all = async (visitor: Visitor): Promise<Record<string, unknown>> =>
    JSON.parse(await visitor.text('/all')) as Record<string, unknown>;
  const copy = (visitor: Visitor): Visitor => new Visitor(app.url, visitor.cookie);

  /** What clients ask of Redis while `work` runs; what a script does inside is left out. */
  async function commandsOf(work: () => Promise<unknown>): Promise<string[]> {
    const watcher = createClient({ url: redis.url });
    await watcher.connect();
    const seen: string[] = [];
    await watcher.monitor((line) => void seen.push(String(line)));
    await work();
    await client.sendCommand(['ECHO', 'the end']);
    await until('the last command', () => seen.some((line) => line.includes('the end')));
    watcher.destroy();
    return seen
      .filter((line) => !/\[\d+ lua\]|"ECHO"|"CLIENT"|"HELLO"/i.test(line))
      .map((line) => /\] "(\w+)"/.exec(line)![1]!.toUpperCase());
  }

  it('a logout during a slow request stands', async () => {
    const alice = new Visitor(app.url);
    await alice.text('/login/alice');
    const [inFlight, after] = [copy(alice), copy(alice)];
    closeGate();
    const answer = inFlight.text('/slow/late');
    await gate.came;
    await alice.text('/logout');
    gate.open();
    await answer;
    expect(await all(after)).toEqual({ user: null });
    expect(await sessions.ofUser('alice')).toEqual([]);
  });

  it('ten parallel writers of ten fields keep ten, and fifty parallel updates count to fifty', async () => {
    const visitor = new Visitor(app.url);
    await visitor.text('/set/begin');
    await Promise.all(Array.from({ length: 10 }, (_, i) => copy(visitor).text(`/set/f${i}`)));
    await Promise.all(Array.from({ length: 50 }, () => copy(visitor).text('/count')));
    expect(await all(visitor)).toEqual({
      user: null,
      begin: 'set',
      count: 50,
      ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`f${i}`, 'set'])),
    });
  });

  it.each(['login/carol', 'regenerate'])(
    'a renewal (%s) amid parallel requests loses none of their fields and leaves one session',
    async (renewal) => {
      const visitor = new Visitor(app.url);
      await visitor.text('/set/begin');
      closeGate();
      const slowOne = copy(visitor).text('/slow/slow');
      await gate.came;
      const renewed = visitor.text(`/${renewal}`);
      await renewed;
      gate.open();
      await slowOne;
      expect(await all(visitor)).toMatchObject({ begin: 'set', slow: 'slow' });
      if (renewal.startsWith('login')) expect(await sessions.ofUser('carol')).toHaveLength(1);
    },
  );

  it('after all sessions of a user were ended, no request that begins then is theirs, while requests keep coming', async () => {
    const devices = Array.from({ length: 5 }, () => new Visitor(app.url));
    for (const device of devices) await device.text('/login/dave');
    let hasEnded = false;
    let isOver = false;
    const late: unknown[] = [];
    const traffic = devices.flatMap((device) =>
      [0, 1].map(async (each) => {
        while (!isOver) {
          const beganAfter = hasEnded;
          const { user } =
            each === 0
              ? await all(copy(device))
              : (JSON.parse(await copy(device).text('/set/x')) as { user: unknown });
          if (beganAfter) late.push(user);
        }
      }),
    );
    await all(devices[0]!);
    expect(await sessions.endAll('dave')).toBe(5);
    hasEnded = true;
    await until('requests that began after it', () => late.length > 50);
    isOver = true;
    await Promise.all(traffic);
    expect(new Set(late)).toEqual(new Set([null]));
    expect(await sessions.ofUser('dave')).toEqual([]);
  });

  it('a first visit costs no command, a read one, a change two', async () => {
    const visitor = new Visitor(app.url);
    expect(await commandsOf(() => visitor.text('/all'))).toEqual([]);
    await visitor.text('/set/warm');
    expect(await commandsOf(() => new Visitor(app.url).text('/set/a'))).toEqual(['EVALSHA']);
    expect(await commandsOf(() => visitor.text('/all'))).toEqual(['HGETALL']);
    expect(await commandsOf(() => visitor.text('/set/b'))).toEqual(['HGETALL', 'EVALSHA']);
  });

  it("two processes see each other's writes at once", async () => {
    const processes = [
      start(process.execPath, [PROCESS, redis.url]),
      start(process.execPath, [PROCESS, redis.url]),
    ];
    const ports = await Promise.all(
      processes.map(async (each) => (await each.waitForLine(/listens on (\d+)/))[1]!),
    );
    const [one, two] = ports.map((port) => new Visitor(`http://127.0.0.1:${port}`)) as [Visitor, Visitor];
    await one.text('/login/erin');
    two.cookie = one.cookie;
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).text('/count')));
    expect(await all(two)).toEqual({ user: 'erin', count: 20 });
    await two.text('/end-all/erin');
    expect(await all(one)).toEqual({ user: null });
  });

  it('data in the store that is not ours, or of a newer version, is passed over and left alone', async () => {
    const visitor = new Visitor(app.url);
    await visitor.text('/set/a');
    const { partition, key } = refOf(visitor.cookie!.slice(4));
    const at = `{sr:${partition}}:r:${key}`;
    expect(await redis.command('EXISTS', at)).toBe(1);
    for (const spoil of [
      ['HSET', at, 'v', '2'],
      ['HSET', at, 'v', '1', 'a', 'x'],
      ['HSET', at, 'a', '1000', 'to', 'nowhere'],
      ['HSET', at, '#v', 'x'],
      ['DEL', at],
      ['SET', at, 'other'],
    ]) {
      await redis.command(...spoil);
      expect(await all(copy(visitor)), spoil.join(' ')).toEqual({ user: null });
    }
    await copy(visitor).text('/set/b');
    expect(await redis.command('GET', at)).toBe('other');
    await redis.command('DEL', at);
  });

  it('answers 503 while Redis is down, and goes on with the same session when it is back', async () => {
    const visitor = new Visitor(app.url);
    await visitor.text('/login/frank');
    await redis.kill();
    for (const path of ['/all', '/set/a', '/logout']) expect((await visitor.ask(path)).status).toBe(503);
    expect((await new Visitor(app.url).ask('/all')).status).toBe(200);
    await redis.restart();
    const back = await until(
      'a session again',
      async () => {
        const answer = await visitor.ask('/all');
        return answer.status === 200 ? ((await answer.json()) as unknown) : undefined;
      },
      10_000,
    );
    expect(back).toEqual({ user: 'frank' });
  });
});
