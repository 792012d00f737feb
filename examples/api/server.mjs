// An upstream as any team has one: plain Node, some endpoints, a WebSocket echo. It knows nothing of stickyroute.
//   node examples/api/server.mjs --port 3001 --name api-1
import { createServer } from 'node:http';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';

const BODY_BYTES_MAX = 10 * 1024 * 1024;
const SLOW_MS_MAX = 30_000;
const PARTS_MAX = 1000;

const { values } = parseArgs({
  options: { port: { type: 'string' }, host: { type: 'string' }, name: { type: 'string' } },
});
const port = Number(values.port ?? process.env.PORT ?? 3001);
const host = values.host ?? process.env.HOST ?? '127.0.0.1';
const name = values.name ?? process.env.SERVICE_NAME ?? `api-${port}`;

const endpoints = {
  '/load-balancer-test': (_request, response) => sendJson(response, 200, { service_name: name, pid: process.pid }),
  '/healthz': (_request, response) => sendJson(response, 200, { status: 'ok', service_name: name }),
  '/echo': echo,
  '/slow': slow,
  '/stream': stream,
  '/events': events,
};

/** The request as it arrived, any method. */
async function echo(request, response) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_BYTES_MAX) return sendJson(response, 413, { error: `A body may have ${BODY_BYTES_MAX} bytes.` });
    parts.push(part);
  }
  const { method, url, headers } = request;
  sendJson(response, 200, { service_name: name, method, url, headers, body: Buffer.concat(parts).toString('utf8') });
}

/** Answers after `ms` milliseconds. */
async function slow(_request, response, query) {
  const ms = bounded(query.get('ms'), 1000, SLOW_MS_MAX);
  await pause(ms);
  sendJson(response, 200, { service_name: name, ms });
}

/** Text in chunks: `parts` of them, `ms` milliseconds apart. */
async function stream(_request, response, query) {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  await writeParts(response, query, (at) => `${name} part ${at}\n`);
}

/** The same as server-sent events. */
async function events(_request, response, query) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  await writeParts(response, query, (at) => `id: ${at}\ndata: ${JSON.stringify({ service_name: name, part: at })}\n\n`);
}

async function writeParts(response, query, text) {
  const parts = bounded(query.get('parts'), 5, PARTS_MAX);
  const ms = bounded(query.get('ms'), 200, SLOW_MS_MAX);
  response.flushHeaders();
  for (let at = 1; at <= parts && !response.destroyed; at++) {
    if (at > 1) await pause(ms);
    if (!response.write(text(at))) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end();
}

/** A number from the query, within its bounds. */
function bounded(text, standard, max) {
  const number = Number(text ?? standard);
  return Number.isFinite(number) ? Math.min(Math.max(number, 0), max) : standard;
}

function sendJson(response, status, value) {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

const server = createServer((request, response) => {
  const [path, query] = request.url.split('?', 2);
  const endpoint = endpoints[path];
  if (endpoint === undefined) {
    sendJson(response, 404, { error: `No such endpoint. There are: ${[...Object.keys(endpoints), '/ws (WebSocket)'].join(', ')}.` });
    return;
  }
  Promise.resolve(endpoint(request, response, new URLSearchParams(query))).catch(() => response.destroy());
});
// Longer than the gateway keeps an unused connection, so that it is the gateway who closes it.
server.keepAliveTimeout = 75_000;

const sockets = new WebSocketServer({ server, path: '/ws', maxPayload: BODY_BYTES_MAX });
sockets.on('connection', (socket) => {
  socket.send(JSON.stringify({ service_name: name }));
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => socket.terminate());
});

server.on('error', (error) => {
  console.error(error.code === 'EADDRINUSE' ? `Port ${port} is in use: choose another with --port.` : error.message);
  process.exit(1);
});
server.listen(port, host, () => console.log(`${name} listens on http://${host}:${server.address().port}`));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    for (const socket of sockets.clients) socket.close(1001, 'going away');
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    // What still runs gets a moment; a WebSocket whose client never answers must not hold the process.
    setTimeout(() => process.exit(0), 2000).unref();
  });
}
