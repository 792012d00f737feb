import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import compression from 'compression';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { afterEach, describe, expect, it } from 'vitest';
import { session as expressSession } from '../../src/frameworks/express/session.js';
import { session as fastifySession } from '../../src/frameworks/fastify/session.js';
import { session as honoSession } from '../../src/frameworks/hono/session.js';
import { session as nodeSession } from '../../src/frameworks/node/session.js';
import { createSessions } from '../../src/state/session/sessions.js';
import type { Session } from '../../src/state/session/session.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { apps, Visitor, type RunningApp, type TestFields } from './session-apps.js';

// Clients that go away, that listen for long, that speak an old HTTP; and apps that fail behind their answer.
let close = (): Promise<void> | void => {};
afterEach(() => close());

function signal<T = void>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  return { promise: new Promise<T>((done) => (resolve = done)), resolve: (value) => resolve(value) };
}

/** Sessions whose store takes what is written when it is told to. */
function slowSessions() {
  const store = memoryStore();
  const { change } = store;
  let gate: Promise<void> | undefined;
  let begun = signal();
  return {
    sessions: createSessions<TestFields>({
      store: Object.assign(store, {
        change: async (...args: Parameters<typeof change>) => {
          begun.resolve();
          await gate;
          return change.apply(store, args);
        },
      }),
      onEvent: () => {},
    }),
    /** Resolves when something wants to be written, with what lets it. */
    hold() {
      const open = signal();
      gate = open.promise;
      begun = signal();
      return {
        begun: begun.promise,
        open() {
          gate = undefined;
          open.resolve();
        },
      };
    },
  };
}

async function serve(listener: RequestListener): Promise<RunningApp> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const running = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
  close = running.close;
  return running;
}

const own = (session: unknown): Session<TestFields> => session as Session<TestFields>;

function dial(url: string, text: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(text);
  return socket;
}

async function allOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const piece of socket) text += String(piece);
  return text;
}

describe.each(Object.entries(apps))('%s', (_, start) => {
  it('stores what a request changed whose client goes away while its answer is held', async () => {
    const { sessions, hold } = slowSessions();
    const arrived = signal<Session<TestFields>>();
    const app = await start(sessions, (session, url) => {
      if (url.pathname === '/set') {
        session.set('a', 1);
        arrived.resolve(session);
      }
      if (url.pathname === '/begin') session.set('b', 2);
      return JSON.stringify(session.all());
    });
    close = app.close;
    const visitor = new Visitor(app.url);
    await visitor.text('/begin');
    const held = hold();
    const socket = dial(app.url, `GET /set HTTP/1.1\r\nhost: a\r\ncookie: ${visitor.cookie}\r\n\r\n`);
    await held.begun;
    const stored = (await arrived.promise).save();
    socket.resetAndDestroy();
    await new Promise((resolve) => socket.once('close', resolve));
    held.open();
    await stored;
    expect(JSON.parse(await visitor.text('/'))).toEqual({ a: 1, b: 2 });
  });

  it.each(['', 'connection: keep-alive\r\n'])(
    'answers HTTP/1.0 clients whole, with the cookie (%j)',
    async (field) => {
      const { sessions } = slowSessions();
      const app = await start(sessions, (session) => {
        session.set('a', 1);
        return 'whole';
      });
      close = app.close;
      const socket = dial(app.url, `GET / HTTP/1.0\r\nhost: a\r\n${field}\r\n`);
      let text = '';
      for await (const piece of socket) {
        text += String(piece);
        if (text.endsWith('whole')) break;
      }
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(text).toMatch(/\r\nset-cookie: sid=/i);
      expect(text).not.toMatch(/transfer-encoding/i);
      expect(text).toMatch(/\r\n\r\nwhole$/);
    },
  );
});

describe('server-sent events', () => {
  const event = 'data: now\n\n';
  const kinds: Record<string, (change: (session: unknown) => void, more: Promise<void>) => RequestListener> =
    {
      'node:http': (change, more) =>
        nodeSession(slowSessions().sessions, async (request, response) => {
          change(request.session);
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.flushHeaders();
          await more;
          response.end(event);
        }),
      'Express 5': (change, more) =>
        express()
          .use(expressSession(slowSessions().sessions))
          .use(async (request, response) => {
            change(request.session);
            response.type('text/event-stream').flushHeaders();
            await more;
            response.end(event);
          }),
      'Hono 4': (change, more) => {
        const app = new Hono();
        app.use(honoSession(slowSessions().sessions));
        app.get('/', (c) => {
          change(c.get('session'));
          return streamSSE(c, async (stream) => {
            await stream.write(':\n\n');
            await more;
            await stream.writeSSE({ data: 'now' });
          });
        });
        return getRequestListener(app.fetch);
      },
    };

  it.each(Object.keys(kinds).flatMap((kind) => [[kind, true] as const, [kind, false] as const]))(
    'begin at once in %s, with the cookie where there is one (changed: %s)',
    async (kind, isChanged) => {
      const more = signal();
      const change = (session: unknown) => void (isChanged && own(session).set('a', 1));
      const { url } = await serve(kinds[kind]!(change, more.promise));
      const answer = await fetch(url); // resolves with the headers: no event has been sent
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      expect(answer.headers.getSetCookie()).toHaveLength(isChanged ? 1 : 0);
      more.resolve();
      expect((await answer.text()).replace(':\n\n', '')).toBe(event);
    },
  );

  it.each(['before', 'behind'])('are flushed through compression that stands %s', async (place) => {
    const more = signal();
    const layers = [compression({ threshold: 0 }) as unknown as express.RequestHandler];
    layers[place === 'before' ? 'push' : 'unshift'](expressSession(slowSessions().sessions));
    const { url } = await serve(
      express()
        .use(layers)
        .use(async (request, response) => {
          own(request.session).set('a', 1);
          response.type('text/event-stream').write(event);
          response.flush();
          await more.promise;
          response.end();
        }),
    );
    const answer = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
    const reader = answer.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe(event);
    more.resolve();
    expect((await reader.read()).done).toBe(true);
  });

  it('of Hono may change a session that is there, which is stored at once', async () => {
    const { sessions } = slowSessions();
    const app = new Hono();
    app.use(honoSession(sessions));
    app.get('/', (c) => c.text(JSON.stringify(own(c.get('session')).set('a', 1).all())));
    app.get('/stream', (c) =>
      streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: 'begun' });
        await own(c.get('session')).set('b', 2).save();
        await stream.writeSSE({ data: 'stored' });
      }),
    );
    const running = await serve(getRequestListener(app.fetch));
    const visitor = new Visitor(running.url);
    await visitor.text('/');
    expect(await visitor.text('/stream')).toContain('stored');
    expect(JSON.parse(await visitor.text('/'))).toEqual({ a: 1, b: 2 });
  });
});

describe('an app of Express that fails behind its answer', () => {
  const failing: Record<string, express.RequestHandler> = {
    'throws at once': (_request, response) => {
      response.send('whole');
      throw new Error('behind the answer');
    },
    'rejects later': async (_request, response) => {
      response.send('whole');
      await Promise.resolve();
      throw new Error('behind the answer');
    },
    'answered by pieces': (_request, response) => {
      response.write('who');
      response.end('le');
      throw new Error('behind the answer');
    },
  };

  it.each(Object.keys(failing))('has answered whole, and then the connection ends: %s', async (how) => {
    const { sessions, hold } = slowSessions();
    const app = express().set('env', 'test');
    app.use(expressSession(sessions));
    app.use((request, _response, next) => {
      own(request.session).set('a', 1);
      next();
    });
    app.use(failing[how]!);
    const { url } = await serve(app);
    const held = hold();
    const all = allOf(dial(url, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
    await held.begun;
    await new Promise((resolve) => setImmediate(resolve));
    held.open();
    const text = await all;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/\r\nset-cookie: sid=/i);
    expect(text.replace(/\r\n/g, '')).toMatch(/who(?:2)?le/);
  });

  it('has its own socket back behind the answer', async () => {
    const isOwn = signal<boolean>();
    const { url } = await serve(
      express()
        .use(expressSession(slowSessions().sessions))
        .use((request, response) => {
          own(request.session).set('a', 1);
          const { socket } = request;
          response.once('finish', () => isOwn.resolve(request.socket === socket));
          response.send('whole');
          expect(request.socket.remoteAddress).toBe('127.0.0.1');
        }),
    );
    expect(await (await fetch(url)).text()).toBe('whole');
    expect(await isOwn.promise).toBe(true);
  });
});

describe('who replaces the session of a request', () => {
  const replacing: Record<
    string,
    (tell: (error: unknown) => void) => RequestListener | Promise<RequestListener>
  > = {
    'node:http': (tell) =>
      nodeSession(
        slowSessions().sessions,
        (request) => {
          (request as { session: unknown }).session = null;
        },
        { onError: tell },
      ),
    'Express 5': (tell) =>
      express()
        .use(expressSession(slowSessions().sessions))
        .use((request) => {
          (request as { session: unknown }).session = null;
        })
        .use(((error, _request, response, _next) => {
          tell(error);
          response.status(500).end();
        }) as express.ErrorRequestHandler),
    'Fastify 5': async (tell) => {
      const app = fastify();
      await app.register(fastifySession(slowSessions().sessions));
      app.setErrorHandler((error, _request, reply) => {
        tell(error);
        return reply.status(500).send();
      });
      app.get('/', async (request) => {
        (request as { session: unknown }).session = null;
        return 'goodbye';
      });
      await app.ready();
      return (request, response) => void app.routing(request, response);
    },
    'Hono 4': (tell) => {
      const app = new Hono();
      app.onError((error, c) => {
        tell(error);
        return c.body(null, 500);
      });
      app.use(honoSession(slowSessions().sessions));
      app.get('/', (c) => {
        c.set('session', null as never);
        return c.text('goodbye');
      });
      return getRequestListener(app.fetch);
    },
  };

  it.each(Object.keys(replacing))(
    'is told what to write in %s, and the answer says that it failed',
    async (kind) => {
      const told: unknown[] = [];
      const { url } = await serve(await replacing[kind]!((error) => told.push(error)));
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).not.toContain('goodbye');
      expect(answer.status).toBe(500);
      expect(told).toEqual([
        expect.objectContaining({
          code: 'STICKY_SESSION_INVALID',
          message: expect.stringContaining('await request.session.destroy()'),
        }),
      ]);
    },
  );
});
