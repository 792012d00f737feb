import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express, { type ErrorRequestHandler } from 'express';
import fastify, { type FastifyReply } from 'fastify';
import { Hono } from 'hono';
import { session as expressSession } from '../../src/frameworks/express/session.js';
import { session as fastifySession } from '../../src/frameworks/fastify/session.js';
import { session as honoSession } from '../../src/frameworks/hono/session.js';
import { session as nodeSession } from '../../src/frameworks/node/session.js';
import type { Session } from '../../src/state/session/session.js';
import type { Sessions } from '../../src/state/session/sessions.js';

/** What a test does in a request, the same over each framework. */
export type Work = (session: Session<TestFields>, url: URL) => Promise<string> | string;

export interface TestFields {
  [field: string]: unknown;
}

export interface RunningApp {
  readonly url: string;
  close(): Promise<void>;
}

type Start = (sessions: Sessions<TestFields>, work: Work) => Promise<RunningApp>;

const TRUSTED = { trustedProxies: ['127.0.0.1'] };

/** An app of each framework that answers `work`'s text to every request. */
export const apps: Readonly<Record<string, Start>> = {
  'node:http': (sessions, work) =>
    listen(
      nodeSession(
        sessions,
        async (request, response) => {
          response.writeHead(200, { 'content-type': 'text/plain' });
          response.end(await work(request.session, new URL(request.url!, 'http://x')));
        },
        TRUSTED,
      ),
    ),
  'Express 5': (sessions, work) => {
    const app = express();
    app.set('trust proxy', 'loopback');
    app.use(expressSession(sessions));
    app.use(
      async (request, response) =>
        void response
          .type('text/plain')
          .send(
            await work(request.session as unknown as Session<TestFields>, new URL(request.url, 'http://x')),
          ),
    );
    const onError: ErrorRequestHandler = (error: { status?: number }, _request, response, _next) =>
      void response.status(error.status ?? 500).send('failed');
    app.use(onError);
    return listen(app);
  },
  'Fastify 5': (sessions, work) =>
    startFastify(sessions, async (session, url, reply) => {
      const text = await work(session, url);
      return reply.type('text/plain').send(text);
    }),
  'Fastify 5, an async handler that returns nothing': (sessions, work) =>
    startFastify(sessions, async (session, url, reply) => {
      const text = await work(session, url);
      void reply.type('text/plain').send(text);
    }),
  'Hono 4': (sessions, work) => {
    const app = new Hono();
    app.use(honoSession(sessions, TRUSTED));
    app.all('*', async (c) =>
      c.text(await work(c.get('session') as unknown as Session<TestFields>, new URL(c.req.url))),
    );
    return listen(getRequestListener(app.fetch));
  },
};

async function startFastify(
  sessions: Sessions<TestFields>,
  handle: (session: Session<TestFields>, url: URL, reply: FastifyReply) => Promise<unknown>,
): Promise<RunningApp> {
  const app = fastify({ trustProxy: 'loopback' });
  await app.register(fastifySession(sessions));
  app.all('/*', (request, reply) =>
    handle(request.session as unknown as Session<TestFields>, new URL(request.url, 'http://x'), reply),
  );
  await app.ready();
  const running = await listen((request, response) => void app.routing(request, response));
  return { url: running.url, close: async () => void (await Promise.all([running.close(), app.close()])) };
}

async function listen(listener: RequestListener): Promise<RunningApp> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A browser's side: it keeps one cookie. */
export class Visitor {
  cookie: string | undefined;
  readonly #url: string;

  constructor(url: string, cookie?: string) {
    this.#url = url;
    this.cookie = cookie;
  }

  async ask(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const response = await fetch(this.#url + path, {
      headers: { ...(this.cookie === undefined ? {} : { cookie: this.cookie }), ...headers },
    });
    for (const field of response.headers.getSetCookie()) {
      const [pair] = field.split(';', 1);
      this.cookie = pair!.endsWith('=') ? undefined : pair;
    }
    return response;
  }

  async text(path: string): Promise<string> {
    return (await this.ask(path)).text();
  }
}
