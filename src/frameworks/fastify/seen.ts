import type { FastifyInstance } from 'fastify';
import type { Cache } from '../../state/cache/cache.js';
import type { Seen } from '../../state/cache/seen.js';
import { plugin } from './plugin.js';

declare module 'fastify' {
  interface FastifyRequest {
    seen: Seen;
  }
}

/**
 * A plugin: `app.register(seen(cache))`, then `cache.scope(userId, request.seen)`: the user never reads
 * backwards, wherever the next request goes. The answer carries what was read and written before it was sent.
 */
export function seen(cache: Cache): (app: FastifyInstance) => Promise<void> {
  return plugin(async (app) => {
    app.decorateRequest('seen');
    app.addHook('onRequest', async (request) => {
      request.seen = cache.version.read((name) => {
        const value = request.headers[name];
        return typeof value === 'string' ? value : value?.[0];
      });
    });
    app.addHook('onSend', async (request, reply, payload) => {
      // Nothing was read where a hook before this one has answered.
      const headers =
        (request.seen as Seen | undefined) === undefined
          ? []
          : cache.version.write(request.seen, request.protocol === 'https');
      for (const { name, value } of headers) reply.header(name, value);
      return payload;
    });
  });
}
