import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { seen as expressSeen, session as expressSession } from '../../src/frameworks/express/index.js';
import { seen as fastifySeen, session as fastifySession } from '../../src/frameworks/fastify/index.js';
import { seen as honoSeen, session as honoSession } from '../../src/frameworks/hono/index.js';
import { seen as nodeSeen, session as nodeSession } from '../../src/frameworks/node/index.js';
import { createCache, type Cache, type CacheScope } from '../../src/state/cache/index.js';
import { createSessions } from '../../src/state/session/sessions.js';
import type { Session } from '../../src/state/session/session.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { heldFeed } from './held-feed.js';

type Work = (scope: CacheScope, path: string) => Promise<unknown>;
type Build = (
  cache: Cache,
  work: Work,
  sessions: ReturnType<typeof createSessions>,
) => RequestListener | Promise<RequestListener>;

const TRUSTED = { trustedProxies: ['127.0.0.1'] };
const KEYS = ['a secret of the tests, 32 characters'];

const builds: Readonly<Record<string, Build>> = {
  'node:http': (cache, work) => {
    const seenBy = nodeSeen(cache, TRUSTED);
    return async (request, response) => {
      const scope = cache.scope('ada', seenBy(request, response));
      const value = await work(scope, request.url!);
      response.writeHead(200, { 'content-type': 'text/plain', 'set-cookie': 'own=1' });
      response.end(String(value));
    };
  },
  'node:http with a session': (cache, work, sessions) => {
    const seenBy = nodeSeen(cache, TRUSTED);
    return nodeSession(
      sessions,
      async (request, response) => {
        const scope = cache.scope('ada', seenBy(request, response));
        (request.session as unknown as Session<Record<string, unknown>>).set('at', request.url);
        response.end(String(await work(scope, request.url!)));
      },
      TRUSTED,
    );
  },
  'Express 5': (cache, work) => {
    const app = express().set('trust proxy', 'loopback');
    app.use(expressSeen(cache));
    return app.use(
      async (request, response) =>
        void response.send(String(await work(cache.scope('ada', request.seen), request.url))),
    );
  },
  'Express 5 with a session before it': (cache, work, sessions) => {
    const app = express().set('trust proxy', 'loopback');
    app.use(expressSession(sessions), expressSeen(cache));
    return app.use(async (request, response) => {
      (request.session as unknown as Session<Record<string, unknown>>).set('at', request.url);
      response.send(String(await work(cache.scope('ada', request.seen), request.url)));
    });
  },
  'Express 5 with a session behind it': (cache, work, sessions) => {
    const app = express().set('trust proxy', 'loopback');
    app.use(expressSeen(cache), expressSession(sessions));
    return app.use(async (request, response) => {
      (request.session as unknown as Session<Record<string, unknown>>).set('at', request.url);
      response.send(String(await work(cache.scope('ada', request.seen), request.url)));
    });
  },
  'Fastify 5': async (cache, work, sessions) => {
    const app = fastify({ trustProxy: 'loopback' });
    await app.register(fastifySession(sessions));
    await app.register(fastifySeen(cache));
    app.all('/*', async (request) => {
      (request.session as unknown as Session<Record<string, unknown>>).set('at', request.url);
      return String(await work(cache.scope('ada', request.seen), request.url));
    });
    await app.ready();
    return (request, response) => void app.routing(request, response);
  },
  'Hono 4': (cache, work, sessions) => {
    const app = new Hono();
    app.use(honoSession(sessions, TRUSTED), honoSeen(cache, TRUSTED));
    app.all('*', async (c) => {
      (c.get('session') as unknown as Session<Record<string, unknown>>).set('at', c.req.path);
      return c.text(String(await work(cache.scope('ada', c.get('seen')), c.req.path)));
    });
    return getRequestListener(app.fetch);
  },
};

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(Object.entries(builds))('%s', (_, build) => {
  it('lets a user who is moved read the own write, where others get the copy of before', async () => {
    const store = memoryStore();
    const sessions = createSessions({ store: memoryStore() });
    const work: Work = async (scope, path) => {
      if (path === '/write') return await scope.set('name', 'new');
      const { value, level } = await scope.lookup('name');
      return `${String(value)} ${level}`;
    };
    const [first, second] = await Promise.all(
      [1, 2].map(async () => {
        const held = heldFeed(store, () => performance.now());
        const cache = createCache({ store: held, keys: KEYS, bound: '1h', onEvent: () => {} });
        await held.hear();
        return { cache, held, url: await listen(await build(cache, work, sessions)) };
      }),
    );
    await second!.cache.scope('ada').set('name', 'old');
    const written = await fetch(`${first!.url}/write`, { headers: { 'x-forwarded-proto': 'https' } });
    expect(written.status).toBe(200);
    const cookie = written.headers.getSetCookie().find((field) => field.startsWith('seen-'))!;
    expect(cookie).toMatch(
      /^seen-[0-9a-f]{8}=1~0\.[0-9a-z]+\.[0-9a-z]+\.[0-9a-f]{32}~[\w-]{22}; Path=\/; Max-Age=7200; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(await (await fetch(`${second!.url}/read`)).text()).toBe('old local');
    const moved = await fetch(`${second!.url}/read`, { headers: { cookie: cookie.split(';')[0]! } });
    expect(await moved.text()).toBe('new store');
    expect(moved.headers.getSetCookie().filter((field) => field.startsWith('seen-'))).toEqual([]);
    expect(await (await fetch(`${second!.url}/read`, { headers: { cookie: 'seen-1=forged' } })).text()).toBe(
      'new local',
    );
  });
});
