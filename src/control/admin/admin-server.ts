import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Timer } from '../../base/clock.js';
import { monitorAnswer } from '../monitor/monitor-answer.js';
import { sendMonitorAnswer } from '../monitor/send-answer.js';
import { AdminConnections } from './admin-connections.js';
import type { AdminGround } from './admin-ground.js';
import { AdminRefused, refusalOf, type AdminRefusal } from './admin-refusal.js';
import { adminAddress, listenAdmin } from './admin-socket.js';
import { dashboardFile, sendDashboardFile } from './dashboard-files.js';
import { Endpoints, type Matched } from './endpoint-match.js';
import { endpointsOf } from './endpoints.js';
import { EventStreams } from './event-streams.js';
import { Gatekeeper } from './gatekeeper.js';
import { readJsonBody } from './json-body.js';
import { openApiOf } from './openapi.js';
import { Traffic } from './traffic.js';
import { streamedSnapshot } from './streamed-snapshot.js';

const HEAD_BYTES_MAX = 16 * 1024;
const FIELDS_MAX = 100;
const HEAD_TIME_MS = 5000;
const REQUEST_TIME_MS = 10_000;
/** A connection on which nothing moves for so long is closed. */
const IDLE_TIME_MS = 15_000;
const CHECK_EVERY_MS = 1000;

/** Every answer: for nobody's cache, no page's content, and no other site. */
const FIELDS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // By which our commands know that it is this API that answers.
  'x-stickyroute': 'admin',
} as const;

/** Until a successor knocks again at the address of the one before. */
const AGAIN_MS = 100;

export interface AdminServer {
  /** `http://127.0.0.1:9900` or `unix:/run/stickyroute.sock`. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Opens the admin API where the configuration wants one. It is on node:http, in the process that supervises,
 * and no request of a client ever passes it. Rejects with STICKY_LISTEN_FAILED.
 */
export async function openAdmin(ground: AdminGround): Promise<AdminServer | undefined> {
  const { admin } = ground.plane.setup.config;
  if (admin === undefined) return undefined;
  const api = new AdminApi(ground);
  const server = createServer({
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: HEAD_TIME_MS,
    requestTimeout: REQUEST_TIME_MS,
    keepAliveTimeout: HEAD_TIME_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    requireHostHeader: true,
  });
  server.maxHeadersCount = FIELDS_MAX;
  server.timeout = IDLE_TIME_MS;
  const connections = new AdminConnections(server);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    response.once('close', () => connections.end(socket));
    void api.answer(request, response, () => connections.begin(socket));
  };
  server.on('request', answer);
  // Without this Node would ask for a body before anybody has looked at the head.
  server.on('checkContinue', answer);
  server.on('clientError', refuseBrokenHead);
  let again: Timer | undefined;
  const listen = async (): Promise<string> => {
    const address = await listenAdmin(server, admin.listen);
    ground.logger.info({ admin: address, write: admin.write }, `the admin API is at ${address}`);
    return address;
  };
  const retry = (): void => {
    again = ground.clock.after(AGAIN_MS, () => void listen().catch(retry));
  };
  const address = await listen().catch((error: unknown) => {
    if (ground.isSuccession !== true) throw error;
    retry();
    return adminAddress(admin.listen);
  });
  return {
    address,
    close: () =>
      new Promise((done) => {
        again?.stop();
        api.close();
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

class AdminApi {
  readonly #ground: AdminGround;
  readonly #gatekeeper: Gatekeeper;
  readonly #endpoints: Endpoints;
  readonly #streams: EventStreams;
  readonly #traffic: Traffic;
  readonly #document: string;

  constructor(ground: AdminGround) {
    const { plane, logger, clock } = ground;
    this.#ground = ground;
    this.#gatekeeper = new Gatekeeper(() => plane.setup.config.admin!, logger, clock);
    this.#traffic = new Traffic(() => plane.operations.metrics(), clock);
    const endpoints = endpointsOf(ground, this.#traffic, clock.now());
    this.#endpoints = new Endpoints(endpoints);
    this.#document = JSON.stringify(openApiOf(endpoints), null, 2);
    this.#streams = new EventStreams(plane.events, clock, () => streamedSnapshot(ground, this.#traffic));
  }

  close(): void {
    this.#traffic.stop();
    this.#streams.close();
  }

  async answer(request: IncomingMessage, response: ServerResponse, admitted: () => void): Promise<void> {
    const { remoteAddress: peer, remotePort } = request.socket;
    const isUnix = peer === undefined;
    try {
      const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s, 2);
      // They tell nothing but yes or no, and those who ask them can't always be given a token.
      const file = dashboardFile(request);
      this.#gatekeeper.admit(request, peer, path === '/live' || path === '/ready' || file !== undefined);
      admitted();
      if (file !== undefined) {
        sendDashboardFile(request, response, file, FIELDS);
        return;
      }
      const watched = isRead(request) ? await monitorAnswer(path, this.#ground.plane.operations) : undefined;
      if (watched !== undefined) {
        await sendMonitorAnswer(response, watched, request.method === 'HEAD');
        return;
      }
      if (path === '/openapi.json' && isRead(request)) {
        send(request, response, 200, this.#document);
        return;
      }
      const matched = this.#endpoints.find(path, request.method ?? '');
      if (path === '/events' && wantsStream(request)) this.#stream(request, response);
      else {
        const who = isUnix ? 'admin at its socket' : `admin ${peer}:${remotePort}`;
        send(request, response, 200, JSON.stringify(await this.#run(matched, request, response, query, who)));
      }
    } catch (error) {
      const refusal = refusalOf(error) ?? this.#fault(error);
      refuse(request, response, refusal);
    }
  }

  async #run(
    { endpoint, parts }: Matched,
    request: IncomingMessage,
    response: ServerResponse,
    query: string,
    who: string,
  ): Promise<unknown> {
    const { plane } = this.#ground;
    if (endpoint.isWrite === true && plane.setup.config.admin?.write !== true)
      throw new AdminRefused(
        403,
        'This admin API is for looking only. Set admin.write: true, or admin.token, in the configuration.',
      );
    if (request.headers.expect !== undefined && endpoint.body !== undefined) response.writeContinue();
    const body = endpoint.body === undefined ? undefined : await readJsonBody(request, endpoint.body);
    return endpoint.answers({
      parts,
      query: new URLSearchParams(query),
      body,
      operations: plane.operations.as(who),
    });
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    if (this.#streams.isFull)
      throw new AdminRefused(503, 'As many event streams as may be are open. Close one.', {
        'retry-after': '10',
      });
    const lastEventId = request.headers['last-event-id'];
    response.writeHead(200, { ...FIELDS, 'content-type': 'text/event-stream; charset=utf-8' });
    this.#streams.open(response, typeof lastEventId === 'string' ? lastEventId : undefined);
  }

  #fault(error: unknown): AdminRefusal {
    this.#ground.logger.error({ err: error }, 'the admin API met a fault of stickyroute');
    return {
      status: 500,
      code: 'STICKY_ADMIN_REFUSED',
      message: 'This is a fault in stickyroute, please report it. The log of the gateway has its stack.',
    };
  }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

function wantsStream({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && /(?:^|,) *text\/event-stream *(?:[;,]|$)/i.test(headers.accept ?? '');
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  fields: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed) return;
  const bytes = Buffer.from(`${text}\n`);
  response.writeHead(status, {
    ...FIELDS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
    ...fields,
    // What is left of a body that nobody reads must not become the next request.
    ...(!request.complete && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function refuse(request: IncomingMessage, response: ServerResponse, refusal: AdminRefusal): void {
  const { status, code, message, problems, fields } = refusal;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const error = { code, message, ...(problems && { problems }) };
  send(request, response, status, JSON.stringify({ error }), fields);
}

/** What Node's parser refused: there is no request to answer, so the answer is written as it is. */
function refuseBrokenHead(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The head is too large.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to come.']
        : ['400 Bad Request', 'This is no HTTP request.'];
  const body = `${JSON.stringify({ error: { code: 'STICKY_ADMIN_REFUSED', message } })}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncache-control: no-store\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
