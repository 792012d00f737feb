// Endpoints to watch a gateway by: what arrives, and answers that are slow, in parts, or never end.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { BODY_BYTES_MAX, readBody, sendJson } from './http.mjs';

const SLOW_MS_MAX = 30_000;
const PARTS_MAX = 1000;

export function testingEndpoints(name) {
  return {
    '/load-balancer-test': (_request, response) =>
      sendJson(response, 200, { service_name: name, pid: process.pid }),
    '/healthz': (_request, response) => sendJson(response, 200, { status: 'ok', service_name: name }),
    '/echo': echo,
    '/slow': slow,
    '/stream': stream,
    '/events': events,
  };

  /** The request as it arrived, any method. */
  async function echo(request, response) {
    const body = await readBody(request);
    if (body === undefined)
      return sendJson(response, 413, { error: `A body may have ${BODY_BYTES_MAX} bytes.` });
    const { method, url, headers } = request;
    sendJson(response, 200, { service_name: name, method, url, headers, body });
  }

  /** Answers after `ms` milliseconds. */
  async function slow(_request, response, { query }) {
    const ms = bounded(query.get('ms'), 1000, SLOW_MS_MAX);
    await pause(ms);
    sendJson(response, 200, { service_name: name, ms });
  }

  /** Text in chunks: `parts` of them, `ms` milliseconds apart. */
  async function stream(_request, response, { query }) {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    await writeParts(response, query, (at) => `${name} part ${at}\n`);
  }

  /** The same as server-sent events. */
  async function events(_request, response, { query }) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    await writeParts(
      response,
      query,
      (at) => `id: ${at}\ndata: ${JSON.stringify({ service_name: name, part: at })}\n\n`,
    );
  }
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
