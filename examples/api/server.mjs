// An upstream as any team has one: plain Node, some endpoints, a WebSocket echo. Its sessions, tokens and
// cache are stickyroute's, so that it doesn't matter which of the three answers.
//   node examples/api/server.mjs --port 3001 --name api-1
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createClient } from 'stickyroute/client';
import { session } from 'stickyroute/node';
import { WebSocketServer } from 'ws';
import { Accounts } from './accounts.mjs';
import { BODY_BYTES_MAX, sendJson } from './http.mjs';
import { sessionEndpoints } from './session-endpoints.mjs';
import { openState } from './state.mjs';
import { testingEndpoints } from './testing-endpoints.mjs';
import { userEndpoints } from './user-endpoints.mjs';

const { values } = parseArgs({
  options: { port: { type: 'string' }, host: { type: 'string' }, name: { type: 'string' } },
});
const port = Number(values.port ?? process.env.PORT ?? 3001);
const host = values.host ?? process.env.HOST ?? '127.0.0.1';
const name = values.name ?? process.env.SERVICE_NAME ?? `api-${port}`;

// Alone it makes secrets of its own; several that work together are given the same by whoever starts them.
const secret = (variable) => process.env[variable] || randomBytes(32).toString('base64url');
const settings = {
  REDIS_URL: process.env.REDIS_URL,
  STATE_FOLDER: process.env.STATE_FOLDER || join(tmpdir(), `stickyroute-state-${port}`),
  SESSION_KEY: secret('SESSION_KEY'),
  JWT_SECRET: secret('JWT_SECRET'),
};
const upstreams = JSON.parse(process.env.UPSTREAMS || `{"${name}":"http://${host}:${port}"}`);

const state = await openState(settings);
const accounts = new Accounts(state.store);
for (const account of JSON.parse(process.env.ACCOUNTS || '[]')) await accounts.create(account);
const owners = createClient({ upstreams, deadline: '5s', answerTime: '2s' });

const shared = {
  ...state,
  accounts,
  owners,
  storeName: state.store.name,
  internalKey: secret('INTERNAL_KEY'),
};
const endpoints = {
  ...testingEndpoints(name),
  ...sessionEndpoints(name, shared),
  ...userEndpoints(name, shared),
};

/** An endpoint by its path, by method and path, or by method and a path whose last part is the parameter. */
function find(method, path) {
  const exact = endpoints[`${method} ${path}`] ?? endpoints[path];
  if (exact !== undefined) return { endpoint: exact };
  const slash = path.lastIndexOf('/');
  const endpoint = endpoints[`${method} ${path.slice(0, slash)}/:id`];
  const parameter = path.slice(slash + 1);
  return /^[\w-]{1,64}$/.test(parameter) ? { endpoint, parameter } : {};
}

const server = createServer(
  session(state.sessions, async (request, response) => {
    const [path, query] = request.url.split('?', 2);
    const { endpoint, parameter } = find(request.method, path);
    if (endpoint === undefined) {
      sendJson(response, 404, {
        error: `No such endpoint. There are: ${[...Object.keys(endpoints), '/ws (WebSocket)'].join(', ')}.`,
      });
      return;
    }
    try {
      await endpoint(request, response, { query: new URLSearchParams(query), parameter });
    } catch (error) {
      if (request.destroyed && !request.complete) return; // the client left in the middle of its request
      throw error;
    }
  }),
);
// Longer than the gateway keeps an unused connection, so that it is the gateway who closes it.
server.keepAliveTimeout = 75_000;

const sockets = new WebSocketServer({ server, path: '/ws', maxPayload: BODY_BYTES_MAX });
sockets.on('connection', (socket) => {
  socket.send(JSON.stringify({ service_name: name }));
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => socket.terminate());
});

server.on('error', (error) => {
  console.error(
    error.code === 'EADDRINUSE' ? `Port ${port} is in use: choose another with --port.` : error.message,
  );
  process.exit(1);
});
server.listen(port, host, () =>
  console.log(`${name} listens on http://${host}:${server.address().port}, state in ${state.store.name}`),
);

async function leave() {
  owners.close();
  await state.close();
  process.exit(0);
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    for (const socket of sockets.clients) socket.close(1001, 'going away');
    server.close(() => void leave());
    server.closeIdleConnections();
    // What still runs gets a moment; a WebSocket whose client never answers must not hold the process.
    setTimeout(() => void leave(), 2000).unref();
  });
}
