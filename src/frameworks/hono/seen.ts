import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import type { Cache } from '../../state/cache/cache.js';
import type { Seen } from '../../state/cache/seen.js';
import { schemeReader, type SchemeOptions } from '../scheme.js';

declare module 'hono' {
  interface ContextVariableMap {
    seen: Seen;
  }
}

/**
 * Middleware: `app.use(seen(cache))`, then `cache.scope(userId, c.get('seen'))`: the user never reads
 * backwards, wherever the next request goes. The response carries what was read and written until the handler
 * returned it; what a stream reads later is not in it.
 */
export function seen(cache: Cache, options: SchemeOptions = {}): MiddlewareHandler {
  const isForwardedSecure = schemeReader(options);
  return async (c, next) => {
    const mine = cache.version.read((name) => c.req.header(name));
    c.set('seen', mine);
    await next();
    const incoming = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
    const isSecure =
      c.req.url.startsWith('https:') || (incoming !== undefined && isForwardedSecure(incoming));
    for (const { name, value } of cache.version.write(mine, isSecure))
      c.header(name, value, { append: true });
  };
}
