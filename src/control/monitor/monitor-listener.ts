import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { systemClock, type Timer } from '../../base/clock.js';
import type { Listen } from '../config/config.js';
import { listenError } from '../listen-error.js';
import { MONITOR_PATHS, monitorAnswer, type Monitored } from './monitor-answer.js';
import { sendMonitorAnswer } from './send-answer.js';

/** Those who watch are few. Each limit is for all that a stranger could do to this port. */
const CONNECTIONS_MAX = 64;
const HEAD_BYTES_MAX = 8192;
const HEAD_MS = 5000;
const REQUEST_MS = 30_000;
const IDLE_MS = 5000;
/** Until a successor knocks again at the port of the one before. */
const AGAIN_MS = 100;

export interface MonitorListener {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/live` and `/ready` to whoever can reach the port: they need no token, and can change
 * nothing. Rejects with STICKY_LISTEN_FAILED. `isSuccession`: the process that this one succeeds may have the
 * port still, and leaves it in a moment.
 */
export function openMonitor(
  listen: Listen,
  gateway: Monitored,
  logger: Logger,
  isSuccession = false,
): Promise<MonitorListener> {
  const server = createServer(
    {
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: HEAD_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
    },
    (request, response) => {
      answer(request, response, gateway).catch((error: unknown) => {
        logger.error({ err: error }, 'the monitor could not answer');
        response.destroy();
      });
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  // A reader that takes nothing of its answer.
  server.timeout = REQUEST_MS;
  return new Promise((resolve, reject) => {
    let again: Timer | undefined;
    const opened = (port: number): MonitorListener => ({
      port,
      close: () =>
        new Promise((closed) => {
          again?.stop();
          server.close(() => closed());
          server.closeAllConnections();
        }),
    });
    const open = (): void => {
      server.listen({ port: listen.port, ...(listen.host !== undefined && { host: listen.host }) });
    };
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (isSuccession && error.code === 'EADDRINUSE') {
        again = systemClock.after(AGAIN_MS, open);
        resolve(opened(listen.port));
      } else if (server.listening) logger.error({ err: error }, 'the monitor has trouble');
      else reject(listenError(error, listen, 'monitor.listen'));
    });
    server.on('listening', () => {
      const address = server.address();
      resolve(opened(typeof address === 'object' && address !== null ? address.port : listen.port));
    });
    open();
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, gateway: Monitored): Promise<void> {
  const isHead = request.method === 'HEAD';
  // Nothing that comes with a request is of any use here.
  request.resume();
  if (request.method !== 'GET' && !isHead) {
    response.writeHead(405, { allow: 'GET, HEAD', connection: 'close' }).end();
    return;
  }
  const found = await monitorAnswer(pathOf(request.url ?? ''), gateway);
  if (found === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(isHead ? undefined : `Here are ${MONITOR_PATHS.join(', ')}.\n`);
    return;
  }
  await sendMonitorAnswer(response, found, isHead);
}

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}
