import { createRequire } from 'node:module';
import cookie from '@fastify/cookie';
import fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyRequest } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { StickyError } from '../../src/base/errors.js';
import { memoryStore, type Store } from '../../src/state/store/memory/index.js';
import {
  fastifySessionStore,
  type FastifySessionStore,
} from '../../src/state/store/session-store/fastify-session/index.js';
import { until } from '../support/until.js';

interface FastifySession {
  user?: string;
  seen?: number;
  regenerate(): Promise<void>;
  destroy(): Promise<void>;
}

// Its types and ours both say what `request.session` is, so they can't be in one program.
const fastifySession = createRequire(import.meta.url)('@fastify/session') as FastifyPluginAsync<
  Record<string, unknown>
>;
const sessionOf = (request: FastifyRequest): FastifySession => request.session as unknown as FastifySession;

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

interface App {
  get(path: string, cookie?: string): Promise<{ status: number; body: string; cookie: string | undefined }>;
  readonly waiting: (() => void)[];
}

async function app(store: FastifySessionStore | undefined, saveUninitialized = false): Promise<App> {
  const waiting: (() => void)[] = [];
  const service: FastifyInstance = fastify();
  await service.register(cookie);
  await service.register(fastifySession, {
    ...(store === undefined ? {} : { store }),
    secret: 'a secret of at least 32 characters',
    saveUninitialized,
    cookie: { secure: false, maxAge: 60_000 },
  });
  service.get('/login', async (request) => {
    await sessionOf(request).regenerate();
    sessionOf(request).user = 'alice';
    return 'in';
  });
  service.get('/me', async (request) => sessionOf(request).user ?? 'nobody');
  service.get('/logout', async (request) => {
    await sessionOf(request).destroy();
    return 'out';
  });
  service.get<{ Params: { how: string } }>('/slow/:how', async (request) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (request.params.how === 'change') sessionOf(request).seen = 1;
    return 'slow';
  });
  ending.push(() => service.close());
  return {
    waiting,
    async get(url, header) {
      const response = await service.inject({ url, headers: header === undefined ? {} : { cookie: header } });
      return {
        status: response.statusCode,
        body: response.body,
        cookie: `${response.headers['set-cookie'] ?? ''}`.split(';')[0],
      };
    },
  };
}

async function afterLogout(service: App, how: string): Promise<string> {
  const { cookie: header } = await service.get('/login');
  expect((await service.get('/me', header)).body).toBe('alice');
  const slow = service.get(`/slow/${how}`, header);
  await until('the slow request', () => service.waiting.length === 1);
  expect((await service.get('/logout', header)).body).toBe('out');
  service.waiting.shift()!();
  expect((await slow).body).toBe('slow');
  return (await service.get('/me', header)).body;
}

// With its defaults @fastify/session saves at the end of every request, also of one that changed nothing.
test.each(['read', 'change'])(
  'a session that is logged out stays so, whatever a request in flight does: %s',
  async (how) => {
    expect(await afterLogout(await app(fastifySessionStore(memoryStore())), how)).toBe('nobody');
  },
);

test('without this store the same request does bring the session back', async () => {
  expect(await afterLogout(await app(undefined), 'read')).toBe('alice');
});

test('a session lives, in every process that shares the store, and gets a new id at login', async () => {
  const store = memoryStore();
  const [one, two] = [await app(fastifySessionStore(store)), await app(fastifySessionStore(store))];
  const first = (await one.get('/login')).cookie!;
  const second = (await two.get('/login', first)).cookie!;
  expect(second).not.toBe(first);
  expect((await one.get('/me', first)).body).toBe('nobody');
  expect((await one.get('/me', second)).body).toBe('alice');
});

test('a store that is down is an error, never an empty session', async () => {
  const store = memoryStore();
  let isDown = false;
  const read: Store['read'] = async (...args) => {
    if (isDown) throw new StickyError('STICKY_STORE_DOWN', 'down');
    return await store.read(...args);
  };
  const service = await app(
    fastifySessionStore({ ...store, partitions: 1, read, change: (...args) => store.change(...args) }),
  );
  const header = (await service.get('/login')).cookie;
  isDown = true;
  expect((await service.get('/me', header)).status).toBe(503);
});
