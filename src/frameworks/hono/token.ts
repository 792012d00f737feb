import type { MiddlewareHandler } from 'hono';
import type { TokenClaims } from '../../state/token/token-claims.js';
import type { Tokens } from '../../state/token/tokens.js';
import { bearerGuard, tokenFailure, type BearerOptions } from '../bearer.js';

declare module 'hono' {
  interface ContextVariableMap {
    /** Behind `token(tokens)`; undefined where that is `optional` and the client sent none. */
    token: TokenClaims;
  }
}

/**
 * Middleware: behind `app.use('/api/*', token(tokens))` a request has a good bearer token, and
 * `c.get('token')` is what it says. Others are answered 401, or 503 when the store can't be reached.
 */
export function token<Claims extends object>(
  tokens: Tokens<Claims>,
  options: BearerOptions = {},
): MiddlewareHandler {
  const judge = bearerGuard(tokens, options);
  return async (c, next) => {
    let verdict;
    try {
      verdict = await judge(c.req.header('authorization'));
    } catch (error) {
      const { status, text } = tokenFailure(error);
      if (status === 500) throw error;
      return new Response(`${text}\n`, {
        status,
        headers: { 'cache-control': 'no-store', 'retry-after': '1' },
      });
    }
    if (verdict.refusal !== undefined) {
      const { status, headers, body } = verdict.refusal;
      return new Response(body === '' ? null : body, { status, headers });
    }
    c.set('token', verdict.claims as unknown as TokenClaims);
    await next();
    return undefined;
  };
}
