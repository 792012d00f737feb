// One app of the session bench, as a process of its own:
//   node app.mjs KIND REDIS_PORT FOLDER
// Every app answers the same three paths: `/` uses no session, `/read` reads a field, `/write` sets one.
// Prints its port when it listens.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createClient } from '@redis/client';
import { createSessions } from '../../dist/state/session/index.js';
import { lmdbStore } from '../../dist/state/store/lmdb/index.js';
import { redisStore } from '../../dist/state/store/redis/index.js';

const [kind, redisPort, folder] = process.argv.slice(2);
const require = createRequire(import.meta.url);

const client = createClient({ url: `redis://127.0.0.1:${redisPort}` });
await client.connect();

const apps = {
  // What nobody who adds a session can go below.
  'node:http, no session': async () =>
    createServer((request, response) => void response.end(without(request.url))),
  'Express, no session': async () => {
    const app = require('express')();
    app.use((request, response) => void response.send(without(request.url)));
    return createServer(app);
  },
  'Fastify, no session': async () => {
    const server = createServer();
    const app = require('fastify')({ serverFactory: (handler) => server.on('request', handler) });
    app.get('/*', async (request) => without(request.url));
    await app.ready();
    return server;
  },
  'express-session + connect-redis': (defaults) => expressSession(defaults),
  '@fastify/session + connect-redis': (defaults) => fastifySession(defaults),
  'stickyroute, node:http, Redis': async () => {
    const { session } = await import('../../dist/frameworks/node/index.js');
    return createServer(
      session(
        ours(redisStore(client)),
        (request, response) => void response.end(work(request.url, request.session)),
      ),
    );
  },
  'stickyroute, Express, Redis': () => expressOurs(redisStore(client)),
  'stickyroute, Fastify, Redis': () => fastifyOurs(redisStore(client)),
  'stickyroute, Express, LMDB': () => expressOurs(lmdbStore({ path: folder })),
  'stickyroute, Fastify, LMDB': () => fastifyOurs(lmdbStore({ path: folder })),
};

const isDefaults = kind.endsWith(' (defaults)');
const server = await apps[kind.replace(' (defaults)', '')](isDefaults);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

function ours(store) {
  return createSessions({ store });
}

function without(path) {
  return path === '/read' ? 'hello Ada' : 'hello';
}

function work(path, session) {
  if (path === '/read') return `hello ${session.get('name')}`;
  if (path === '/write') session.set('name', 'Ada');
  return 'hello';
}

function workOnObject(path, session) {
  if (path === '/read') return `hello ${session.name}`;
  // A value that differs each time: both rivals skip the write of an unchanged session.
  if (path === '/write') session.name = `Ada ${process.hrtime.bigint()}`;
  return 'hello';
}

async function expressSession(defaults) {
  const express = require('express');
  const session = require('express-session');
  const { RedisStore } = await import('connect-redis');
  const app = express();
  const tuned = { resave: false, saveUninitialized: false };
  app.use(session({ secret: 's'.repeat(32), store: new RedisStore({ client }), ...(defaults ? {} : tuned) }));
  app.use((request, response) => void response.send(workOnObject(request.url, request.session)));
  return createServer(app);
}

async function fastifySession(defaults) {
  const fastify = require('fastify');
  const { RedisStore } = await import('connect-redis');
  const server = createServer();
  const app = fastify({ serverFactory: (handler) => server.on('request', handler) });
  app.register(require('@fastify/cookie'));
  const tuned = { saveUninitialized: false, rolling: false };
  app.register(require('@fastify/session'), {
    secret: 's'.repeat(32),
    store: new RedisStore({ client }),
    cookie: { secure: false },
    ...(defaults ? {} : tuned),
  });
  app.get('/*', async (request) => workOnObject(request.url, request.session));
  await app.ready();
  return server;
}

async function expressOurs(store) {
  const express = require('express');
  const { session } = await import('../../dist/frameworks/express/index.js');
  const app = express();
  app.use(session(ours(store)));
  app.use((request, response) => void response.send(work(request.url, request.session)));
  return createServer(app);
}

async function fastifyOurs(store) {
  const fastify = require('fastify');
  const { session } = await import('../../dist/frameworks/fastify/index.js');
  const server = createServer();
  const app = fastify({ serverFactory: (handler) => server.on('request', handler) });
  app.register(session(ours(store)));
  app.get('/*', async (request) => work(request.url, request.session));
  await app.ready();
  return server;
}
