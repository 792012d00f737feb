import type { FastifyInstance } from 'fastify';
import type { TokenClaims } from '../../state/token/token-claims.js';
import type { Tokens } from '../../state/token/tokens.js';
import { bearerGuard, type BearerOptions } from '../bearer.js';
import { plugin } from './plugin.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Behind `token(tokens)`; undefined where that is `optional` and the client sent none. */
    token: TokenClaims;
  }
}

/**
 * A plugin: in the scope that does `register(token(tokens))` every request has a good bearer token, and
 * `request.token` is what it says. Others are answered 401. When the store can't be reached, the app's error
 * handler gets an error with the status 503.
 */
export function token<Claims extends object>(
  tokens: Tokens<Claims>,
  options: BearerOptions = {},
): (app: FastifyInstance) => Promise<void> {
  const judge = bearerGuard(tokens, options);
  return plugin(async (app) => {
    if (!app.hasRequestDecorator('token')) app.decorateRequest('token');
    app.addHook('onRequest', async (request, reply) => {
      const verdict = await judge(request.headers.authorization);
      if (verdict.refusal !== undefined) {
        const { status, headers, body } = verdict.refusal;
        return reply.code(status).headers(headers).send(body);
      }
      request.token = verdict.claims as unknown as TokenClaims;
      return undefined;
    });
  });
}
