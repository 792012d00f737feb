import http from 'node:http';
import https from 'node:https';
import { causeOf } from '../../base/cause.js';
import { StickyError } from '../../base/errors.js';
import type { AdminTarget } from './admin-target.js';

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const SILENT_MS = 15_000;

/** Asks an admin API. Rejects with STICKY_ADMIN_UNREACHABLE or STICKY_ADMIN_REFUSED, in words for people. */
export async function callAdmin<T>(target: AdminTarget, path: string, body?: object): Promise<T> {
  const answer = await openAdminAnswer(target, path, body === undefined ? {} : { body });
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    if (answer.headers['x-stickyroute'] !== 'admin') throw new Error('another program');
    for await (const piece of answer as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > ANSWER_BYTES_MAX) throw new Error('too large');
      pieces.push(piece);
    }
    const value: unknown = JSON.parse(Buffer.concat(pieces).toString());
    if (answer.statusCode === 200) return value as T;
    const { message } = (value as { error: { message: string } }).error;
    throw new StickyError('STICKY_ADMIN_REFUSED', `${target.name}: ${hinted(message, answer.statusCode)}`);
  } catch (error) {
    if (error instanceof StickyError) throw error;
    throw new StickyError(
      'STICKY_ADMIN_UNREACHABLE',
      `What answers at ${target.name} is no admin API of stickyroute. Is it the port of clients? Name the one of admin.listen with --admin.`,
    );
  }
}

export interface AdminCallOptions {
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer has no end: it may be silent only for as long as any other. */
  readonly signal?: AbortSignal;
}

export function openAdminAnswer(
  target: AdminTarget,
  path: string,
  { body, headers = {}, signal }: AdminCallOptions = {},
): Promise<http.IncomingMessage> {
  const { url, socketPath, token } = target;
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(
      {
        ...(socketPath === undefined
          ? { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port }
          : { socketPath }),
        path,
        method: text === undefined ? 'GET' : 'POST',
        agent: false,
        timeout: SILENT_MS,
        ...(signal && { signal }),
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(text !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      resolve,
    );
    request.on('timeout', () => request.destroy(Object.assign(new Error('silent'), { code: 'ETIMEDOUT' })));
    request.on('error', (error) => reject(unreachable(target, causeOf(error) ?? error.message)));
    request.end(text);
  });
}

function unreachable({ name, socketPath }: AdminTarget, cause: string): StickyError {
  const why =
    cause === 'EACCES' && socketPath !== undefined
      ? 'Only the user who runs the gateway may use its socket file.'
      : 'Is the gateway running, with admin in its configuration? Another address is named by --admin http://HOST:PORT or --admin unix:/PATH.';
  return new StickyError('STICKY_ADMIN_UNREACHABLE', `No admin API answers at ${name} (${cause}). ${why}`);
}

function hinted(message: string, status: number | undefined): string {
  return status === 401
    ? `${message} On the command line: STICKYROUTE_ADMIN_TOKEN=…, or --admin-token-file FILE.`
    : message;
}
