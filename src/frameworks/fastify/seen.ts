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
    // Not async: while such a hook is waited for, Fastify takes an async handler that has called `reply.send`
    // for one that returned nothing, and sends that.
    app.addHook('onRequest', (request, _reply, done) => {
      request.seen = cache.version.read((name) => {
        const value = request.headers[name];
        return typeof value === 'string' ? value : value?.[0];
      });
      done();
    });
    app.addHook('onSend', (request, reply, _payload, done) => {
      // Nothing was read where a hook before this one has answered.
      const headers =
        (request.seen as Seen | undefined) === undefined
          ? []
          : cache.version.write(request.seen, request.protocol === 'https');
      for (const { name, value } of headers) reply.header(name, value);
      done();
    });
  });
}
