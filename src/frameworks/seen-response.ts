import { OutgoingMessage, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Cache } from '../state/cache/cache.js';
import type { Seen } from '../state/cache/seen.js';
import { headArguments, METHODS, type Method } from './held-response.js';

/**
 * What a request's user has seen; and what it sees until the response's headers go out goes along with them.
 */
export function seenFor(
  cache: Cache,
  request: IncomingMessage,
  response: ServerResponse,
  isSecure: boolean,
): Seen {
  const seen = cache.version.read((name) => textOf(request.headers[name]));
  const target = response as unknown as Record<Method, (...args: unknown[]) => unknown>;
  const originals = new Map(METHODS.map((method) => [method, target[method]]));
  const send = (method: Method, args: unknown[]): unknown => {
    for (const each of METHODS) target[each] = originals.get(each)!;
    const rest = method === 'writeHead' ? headArguments(response, args) : args;
    if (!areHeadersSent(response))
      for (const { name, value } of cache.version.write(seen, isSecure)) response.appendHeader(name, value);
    return target[method](...rest);
  };
  for (const method of METHODS) target[method] = (...args) => send(method, args);
  return seen;
}

/** Past what a session's hold on the response lets the app believe. */
function areHeadersSent(response: ServerResponse): boolean {
  return Reflect.get(OutgoingMessage.prototype, 'headersSent', response) as boolean;
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
