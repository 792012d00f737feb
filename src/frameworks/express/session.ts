import type { TLSSocket } from 'node:tls';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Session } from '../../state/session/session.js';
import type { Sessions } from '../../state/session/sessions.js';
import { giveSession, knownVisit } from '../request-session.js';
import { holdForSession } from '../session-response.js';

declare global {
  namespace Stickyroute {
    /**
     * What requests of Express have of ours. A base, for express-session says what `session` is, too: in a
     * program that knows of both, `request.session` has its type, and `sessionOf(request)` has ours.
     */
    interface ExpressSessionRequest {
      session: 'sessionID' extends keyof Express.Request ? any : Session<SessionFields>;
    }
  }
  namespace Express {
    interface Request extends Stickyroute.ExpressSessionRequest {}
  }
}

/**
 * Middleware: `app.use(session(sessions))` gives each request its `request.session`, and the response's
 * headers wait until what was changed is stored. Whether the client spoke https is what Express says
 * (`app.set('trust proxy', …)`). When the store can't be reached, the app's error handler gets an error with
 * the status 503.
 */
export function session<Fields extends object>(sessions: Sessions<Fields>): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    if (knownVisit(request, sessions) !== undefined) return next();
    const visit = sessions.visit({ cookie: request.headers.cookie, isSecure: isSecure(request) });
    const go = (): void => {
      giveSession(request, sessions, visit);
      holdForSession(response, visit);
      next();
    };
    const loading = visit.load();
    if (loading === undefined) go();
    else loading.then(go).catch(next);
    return undefined;
  };
}

/** What Express says; of a request that it has not seen (of an upgrade, say), the socket alone. */
function isSecure(request: Request): boolean {
  return (request.secure as boolean | undefined) ?? (request.socket as Partial<TLSSocket>).encrypted === true;
}
