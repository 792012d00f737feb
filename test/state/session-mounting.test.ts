import { createServer, IncomingMessage, type RequestListener } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { session as expressSession } from '../../src/frameworks/express/session.js';
import { session as fastifySession } from '../../src/frameworks/fastify/session.js';
import { session as honoSession } from '../../src/frameworks/hono/session.js';
import { session as nodeSession } from '../../src/frameworks/node/session.js';
import { createSessions, type Sessions } from '../../src/state/session/sessions.js';
import type { Session } from '../../src/state/session/session.js';
import { memoryStore } from '../../src/state/store/memory/index.js';

interface Fields {
  visits?: number;
}
type Build = (
  first: Sessions<Fields>,
  second: Sessions<Fields>,
) => Promise<RequestListener> | RequestListener;

const visit = (session: unknown): string => {
  const own = session as Session<Fields>;
  own.set('visits', (own.get('visits') ?? 0) + 1);
  return `visit ${own.get('visits')}`;
};

/** An app that mounts sessions twice. */
const builds: Readonly<Record<string, Build>> = {
  'node:http': (first, second) =>
    nodeSession(
      first,
      nodeSession(second, (request, response) => void response.end(visit(request.session))),
      {
        onError: () => {},
      },
    ),
  'Express 5': (first, second) =>
    express()
      .use(expressSession(first), expressSession(second))
      .use((request, response) => void response.send(visit(request.session)))
      .use(
        ((_error, _request, response, _next) =>
          void response.status(500).end()) as express.ErrorRequestHandler,
      ),
  'Fastify 5': async (first, second) => {
    const app = fastify();
    await app.register(fastifySession(first));
    await app.register(async (below) => {
      await below.register(fastifySession(second));
      below.get('/', async (request) => visit(request.session));
    });
    await app.ready();
    return (request, response) => void app.routing(request, response);
  },
  'Hono 4': (first, second) => {
    const app = new Hono();
    app.onError((_error, c) => c.body(null, 500));
    app.use(honoSession(first), honoSession(second));
    app.get('/', (c) => c.text(visit(c.get('session'))));
    return getRequestListener(app.fetch);
  },
};

let close = (): void => {};
afterEach(() => close());

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const make = (name?: string): Sessions<Fields> =>
  createSessions<Fields>({ store: memoryStore(), cookie: { name }, onEvent: () => {} });

describe.each(Object.entries(builds))('sessions that are mounted twice in %s', (framework, build) => {
  it('are one session', async () => {
    const sessions = make();
    const url = await listen(await build(sessions, sessions));
    const first = await fetch(url);
    expect([await first.text(), first.headers.getSetCookie().length]).toEqual(['visit 1', 1]);
    const cookie = first.headers.getSetCookie()[0]!.split(';')[0]!;
    expect(await (await fetch(url, { headers: { cookie } })).text()).toBe('visit 2');
  });

  it('are refused where two kinds would overwrite each other', async () => {
    const start = async () => (await fetch(await listen(await build(make(), make())))).status;
    if (framework.startsWith('Fastify'))
      await expect(start()).rejects.toMatchObject({ code: 'STICKY_CONFIG_INVALID' });
    else expect(await start()).toBe(500);
  });
});

it.each(Object.entries(builds).filter(([framework]) => !framework.startsWith('Fastify')))(
  'two kinds of session with a cookie each may be mounted in %s',
  async (_, build) => {
    const url = await listen(await build(make('one'), make('two')));
    expect(await (await fetch(url)).text()).toBe('visit 1');
  },
);

it('a request without a response, as of an upgrade, has a session to read, and nobody to tell a new id', async () => {
  const sessions = make();
  const request = new IncomingMessage(new Socket());
  const own = await new Promise<Session>((resolve, reject) =>
    expressSession(sessions)(request as never, {} as never, (error) =>
      error === undefined
        ? resolve((request as never as { session: Session }).session)
        : reject(error as Error),
    ),
  );
  expect(own.userId).toBe(undefined);
  await expect(own.login('alice')).rejects.toMatchObject({ code: 'STICKY_SESSION_LATE' });
});
