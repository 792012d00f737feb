import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type Request } from 'express';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { StickyError } from '../../src/base/errors.js';
import type { Change } from '../../src/state/store/change.js';
import { lmdbStore } from '../../src/state/store/lmdb/index.js';
import { memoryStore, type Store } from '../../src/state/store/memory/index.js';
import { expressSessionStore } from '../../src/state/store/session-store/express-session/index.js';
import { createManualClock } from '../../src/testing/index.js';
import { until } from '../support/until.js';

interface ExpressSession {
  user?: string;
  seen?: number;
  regenerate(done: () => void): void;
  save(done: () => void): void;
  destroy(done: (error?: unknown) => void): void;
}

interface ExpressSessionStore {
  get(id: string, done: (error: unknown, session?: object | null) => void): void;
  set(id: string, session: object, done: (error?: unknown) => void): void;
  destroy(id: string, done: (error?: unknown) => void): void;
}

// Its types and ours both say what `request.session` is, so they can't be in one program.
const session = createRequire(import.meta.url)('express-session') as {
  (options: object): express.RequestHandler;
  readonly Store: abstract new () => ExpressSessionStore;
  readonly MemoryStore: new () => ExpressSessionStore;
};
const sessionOf = (request: Request): ExpressSession => request.session as unknown as ExpressSession;

const home = mkdtempSync(join(tmpdir(), 'stickyroute-express-session-'));
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface App {
  get(path: string, cookie?: string): Promise<{ status: number; body: string; cookie: string | undefined }>;
  /** Requests to `/slow/…` that have their session and wait. */
  readonly waiting: (() => void)[];
}

async function app(store: ExpressSessionStore, options: object = {}): Promise<App> {
  const waiting: (() => void)[] = [];
  const service = express();
  service.set('env', 'test'); // errors are not printed
  service.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false, ...options }));
  service.get('/login', (request, response) =>
    sessionOf(request).regenerate(() => {
      sessionOf(request).user = 'alice';
      response.send('in');
    }),
  );
  service.get('/me', (request, response) => void response.send(sessionOf(request).user ?? 'nobody'));
  service.get('/logout', (request, response) =>
    sessionOf(request).destroy((error) =>
      response.send(error === undefined || error === null ? 'out' : 'failed'),
    ),
  );
  service.get('/slow/:how', async (request, response) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (request.params.how === 'change') sessionOf(request).seen = 1;
    if (request.params.how === 'save') {
      sessionOf(request).seen = 2;
      sessionOf(request).save(() => response.send('slow'));
    } else response.send('slow');
  });
  const server: Server = createServer(service).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  ending.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    waiting,
    async get(path, cookie) {
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
        headers: cookie === undefined ? {} : { cookie },
      });
      return {
        status: response.status,
        body: await response.text(),
        cookie: response.headers.get('set-cookie')?.split(';')[0],
      };
    },
  };
}

/** A request is under way while the user logs out; who does the next one seem to be from? */
async function afterLogout(service: App, how: string): Promise<string> {
  const { cookie } = await service.get('/login');
  expect((await service.get('/me', cookie)).body).toBe('alice');
  const slow = service.get(`/slow/${how}`, cookie);
  await until('the slow request', () => service.waiting.length === 1);
  expect((await service.get('/logout', cookie)).body).toBe('out');
  service.waiting.shift()!();
  expect((await slow).body).toBe('slow');
  return (await service.get('/me', cookie)).body;
}

describe.each<[string, () => Store]>([
  ['memory', () => memoryStore()],
  ['lmdb', () => lmdbStore({ path: join(home, crypto.randomUUID()) })],
])('express-session over the %s store', (_, open) => {
  test.each(['read', 'change', 'save'])(
    'a session that is logged out stays so, whatever a request in flight does: %s',
    async (how) => {
      const store = open();
      ending.push(() => store.close());
      expect(
        await afterLogout(
          await app(expressSessionStore(store, { session }), { rolling: true, resave: how === 'read' }),
          how,
        ),
      ).toBe('nobody');
    },
  );

  test('a session lives, is found by every process that shares the store, and gets a new id at login', async () => {
    const store = open();
    ending.push(() => store.close());
    const [one, two] = [
      await app(expressSessionStore(store, { session })),
      await app(expressSessionStore(store, { session })),
    ];
    const first = (await one.get('/login')).cookie!;
    const second = (await two.get('/login', first)).cookie!;
    expect(second).not.toBe(first);
    expect((await one.get('/me', first)).body).toBe('nobody');
    expect((await one.get('/me', second)).body).toBe('alice');
    expect((await two.get('/logout', second)).body).toBe('out');
    expect((await one.get('/me', second)).body).toBe('nobody');
  });
});

test('without this store the same request does bring the session back', async () => {
  expect(await afterLogout(await app(new session.MemoryStore()), 'change')).toBe('alice');
});

test('what is saved under a destroyed id is dropped for a minute, also by code that saves by hand', async () => {
  const clock = createManualClock();
  const store = expressSessionStore(memoryStore({ clock }), { session, clock });
  const set = (data: object): Promise<unknown> => new Promise((resolve) => store.set('id', data, resolve));
  const get = (): Promise<unknown> => new Promise((resolve) => store.get('id', (_, data) => resolve(data)));
  await set({ cookie: {}, user: 'alice' });
  expect(await get()).toEqual({ cookie: {}, user: 'alice' });
  await new Promise((resolve) => store.destroy('id', resolve));
  await set({ cookie: {}, user: 'alice' });
  clock.advance(59_000);
  await set({ cookie: {}, user: 'alice' });
  expect(await get()).toBeUndefined();
  clock.advance(1_000);
  await set({ cookie: {}, user: 'bob' });
  expect(await get()).toMatchObject({ user: 'bob' });
});

test('a session that a request has loaded is not brought back by it, however long ago it was destroyed', async () => {
  const clock = createManualClock();
  const service = await app(expressSessionStore(memoryStore({ clock }), { session, clock }));
  const { cookie } = await service.get('/login');
  const slow = service.get('/slow/change', cookie);
  await until('the slow request', () => service.waiting.length === 1);
  await service.get('/logout', cookie);
  clock.advance(600_000);
  service.waiting.shift()!();
  await slow;
  expect((await service.get('/me', cookie)).body).toBe('nobody');
});

test('a session lives as long as its cookie, and longer when it is touched', async () => {
  const clock = createManualClock(Date.now());
  const store = memoryStore({ clock });
  const service = await app(expressSessionStore(store, { session, clock }), { cookie: { maxAge: 60_000 } });
  const { cookie } = await service.get('/login');
  clock.advance(50_000);
  expect((await service.get('/me', cookie)).body).toBe('alice');
  // express-session counts from the real time, which stood still; so the touch gave it some 10 s more by this
  // clock.
  clock.advance(9_000);
  expect((await service.get('/me', cookie)).body).toBe('alice');
  clock.advance(60_000);
  expect((await service.get('/me', cookie)).body).toBe('nobody');
});

test('a session that was only touched knows when its cookie ends', async () => {
  const store = expressSessionStore(memoryStore(), { session }) as ExpressSessionStore & {
    touch(id: string, session: object, done: (error?: unknown) => void): void;
  };
  const ended = async (): Promise<unknown> =>
    new Promise((resolve) =>
      store.get('id', (_, found) => resolve((found as { cookie: { expires: unknown } }).cookie.expires)),
    );
  const cookie = (expires: Date | null) => ({ cookie: { expires, originalMaxAge: 60_000 } });
  const [first, second, third] = [60_000, 120_000, 180_000].map((ms) => new Date(Date.now() + ms)) as [
    Date,
    Date,
    Date,
  ];
  await new Promise((resolve) => store.set('id', cookie(first), resolve));
  await new Promise((resolve) => store.touch('id', cookie(second), resolve));
  expect(await ended()).toBe(second.toISOString());
  await new Promise((resolve) => store.set('id', cookie(third), resolve));
  expect(await ended()).toBe(third.toISOString());
});

test('the store sees no session id, and no id is adopted that it does not know', async () => {
  const store = memoryStore();
  const changes: Change[] = [];
  const watched: Store = {
    ...store,
    partitions: 1,
    read: (...args) => store.read(...args),
    change: (partition, change) => (changes.push(change), store.change(partition, change)),
  };
  const service = await app(expressSessionStore(watched, { session }));
  const { cookie } = await service.get('/login');
  const id = /s%3A([^.]+)\./.exec(cookie!)![1]!;
  expect(changes.length).toBeGreaterThan(0);
  expect(JSON.stringify(changes)).not.toContain(decodeURIComponent(id));
});

test('a store that is down is an error, never an empty session', async () => {
  const down = async (): Promise<never> => {
    throw new StickyError('STICKY_STORE_DOWN', 'down');
  };
  const store = memoryStore();
  let isDown = false;
  const failing: Store = {
    ...store,
    partitions: 1,
    read: (...args) => (isDown ? down() : store.read(...args)),
    change: (...args) => (isDown ? down() : store.change(...args)),
  };
  const service = await app(expressSessionStore(failing, { session }));
  const { cookie } = await service.get('/login');
  isDown = true;
  expect((await service.get('/me', cookie)).status).toBe(503);
  isDown = false;
  expect((await service.get('/me', cookie)).body).toBe('alice');
});

test('all, length and clear know every session that is there, and call back or resolve', async () => {
  const clock = createManualClock();
  const store = expressSessionStore(memoryStore({ clock }), { session, clock } as never) as unknown as {
    set(id: string, session: object): Promise<void>;
    touch(id: string, session: object): Promise<void>;
    destroy(id: string): Promise<void>;
    get(id: string): Promise<object | undefined>;
    all(): Promise<{ user: string }[]>;
    length(done?: (error: unknown, length: number) => void): Promise<number>;
    clear(): Promise<void>;
  };
  const until = (ms: number) => ({ expires: new Date(clock.now() + ms).toISOString() });
  for (const user of ['ada', 'bob', 'cyd']) await store.set(user, { user, cookie: until(60_000) });
  expect((await store.all()).map(({ user }) => user).sort()).toEqual(['ada', 'bob', 'cyd']);
  expect(await new Promise((resolve) => void store.length((_, length) => resolve(length)))).toBe(3);
  await store.destroy('bob');
  await store.touch('cyd', { cookie: until(120_000) });
  expect(await store.length()).toBe(2);
  clock.advance(60_001);
  expect((await store.all()).map(({ user }) => user)).toEqual(['cyd']);
  const inFlight = { user: 'cyd', cookie: until(60_000) };
  await store.set('cyd', inFlight);
  await store.clear();
  expect([await store.length(), await store.all()]).toEqual([0, []]);
  await store.set('cyd', inFlight);
  expect(await store.get('cyd')).toBe(undefined);
});

test('a cookie whose length only `touch` changed ("remember me") keeps it at the next touch', async () => {
  const store = expressSessionStore(memoryStore(), { session } as never) as unknown as {
    set(id: string, session: object): Promise<void>;
    touch(id: string, session: object): Promise<void>;
    get(id: string): Promise<{ cookie: object } | undefined>;
  };
  const day = 86_400_000;
  const cookie = { originalMaxAge: null, expires: null, path: '/', httpOnly: true };
  await store.set('id', { user: 'ada', cookie });
  const remembered = {
    ...cookie,
    originalMaxAge: 30 * day,
    expires: new Date(Date.now() + 30 * day).toISOString(),
  };
  await store.touch('id', { user: 'ada', cookie: remembered });
  expect(await store.get('id')).toEqual({ user: 'ada', cookie: remembered });
  const forgotten = { ...cookie, sameSite: 'lax' };
  await store.touch('id', { user: 'ada', cookie: forgotten });
  expect(await store.get('id')).toEqual({ user: 'ada', cookie: forgotten });
});
