import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { TokenClaims } from '../../state/token/token-claims.js';
import type { Tokens } from '../../state/token/tokens.js';
import { bearerGuard, type BearerOptions, type BearerVerdict } from '../bearer.js';

declare global {
  namespace Express {
    interface Request {
      /** Behind `token(tokens)`; undefined where that is `optional` and the client sent none. */
      token: TokenClaims;
    }
  }
}

/**
 * Middleware: behind `app.use('/api', token(tokens))` a request has a good bearer token, and `request.token`
 * is what it says. Others are answered 401. When the store can't be reached, the app's error handler gets an
 * error with the status 503.
 */
export function token<Claims extends object>(
  tokens: Tokens<Claims>,
  options: BearerOptions = {},
): RequestHandler {
  const judge = bearerGuard(tokens, options);
  return (request: Request, response: Response, next: NextFunction) => {
    const follow = (verdict: BearerVerdict<Claims>): void => {
      if (verdict.refusal !== undefined) {
        const { status, headers, body } = verdict.refusal;
        response.status(status).set(headers).end(body);
        return;
      }
      request.token = verdict.claims as unknown as TokenClaims;
      next();
    };
    const verdict = judge(request.headers.authorization);
    if (verdict instanceof Promise) verdict.then(follow, next);
    else follow(verdict);
  };
}
