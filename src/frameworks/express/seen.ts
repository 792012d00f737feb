import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Cache } from '../../state/cache/cache.js';
import type { Seen } from '../../state/cache/seen.js';
import { seenFor } from '../seen-response.js';

declare global {
  namespace Express {
    interface Request {
      seen: Seen;
    }
  }
}

/**
 * Middleware: `app.use(seen(cache))`, then `cache.scope(userId, request.seen)`: the user never reads
 * backwards, wherever the next request goes. The response carries what was read and written before its
 * headers went out.
 */
export function seen(cache: Cache): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    request.seen = seenFor(cache, request, response, request.secure);
    next();
  };
}
