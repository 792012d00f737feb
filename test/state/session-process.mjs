// An Express app in a process of its own, on what `npm run build` made: node session-process.mjs REDIS_URL
import { createClient } from '@redis/client';
import express from 'express';
import { session } from '../../dist/frameworks/express/index.js';
import { createSessions } from '../../dist/state/session/index.js';
import { redisStore } from '../../dist/state/store/redis/index.js';

const client = createClient({ url: process.argv[2] });
client.on('error', () => {});
await client.connect();
const sessions = createSessions({ store: redisStore(client, { timeout: '500ms' }), onEvent: () => {} });
const app = express();
app.use(session(sessions));
app.get('/set/:field', (request, response) => {
  request.session.set(request.params.field, process.pid);
  response.send('set');
});
app.get('/count', async (request, response) =>
  response.send(String(await request.session.update('count', (count) => (count ?? 0) + 1))),
);
app.get('/login/:user', async (request, response) => {
  await request.session.login(request.params.user);
  response.send('in');
});
app.get('/logout', async (request, response) => {
  await request.session.destroy();
  response.send('out');
});
app.get('/end-all/:user', async (request, response) =>
  response.send(String(await sessions.endAll(request.params.user))),
);
app.get('/all', (request, response) =>
  response.send({ user: request.session.userId ?? null, ...request.session.all() }),
);
app.use((error, _request, response, _next) => response.status(error.status ?? 500).send('failed'));
const server = app.listen(0, '127.0.0.1', () => console.log(`listens on ${server.address().port}`));
