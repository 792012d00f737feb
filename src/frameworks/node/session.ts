import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Session, SessionFields } from '../../state/session/session.js';
import type { Sessions } from '../../state/session/sessions.js';
import { schemeReader, type SchemeOptions } from '../scheme.js';
import { holdForSession, sessionFailure } from '../session-response.js';

/** A request that has a session. */
export type SessionMessage<Fields extends object = SessionFields> = IncomingMessage & { session: Session<Fields> };

export type SessionHandler<Fields extends object> = (request: SessionMessage<Fields>, response: ServerResponse) => void | Promise<void>;

/**
 * A listener for `http.createServer`: `handler` gets each request with `request.session`, and the response's headers wait until what
 * it changed is stored. Answers 503 when the store can't be reached, and 500 when `handler` rejects before it answered.
 */
export function session<Fields extends object>(sessions: Sessions<Fields>, handler: SessionHandler<Fields>, options: SchemeOptions = {}): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const isSecure = schemeReader(options);
  return async (request, response) => {
    const turn = sessions.turn({ cookie: request.headers.cookie, isSecure: isSecure(request) });
    try {
      if (turn.needsLoad) await turn.load();
      holdForSession(response, turn);
      const withSession = request as SessionMessage<Fields>;
      withSession.session = turn.session;
      await handler(withSession, response);
    } catch (error) {
      fail(response, error);
    }
  };
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, text } = sessionFailure(error);
  response.statusCode = status;
  if (status === 503) response.setHeader('Retry-After', '1');
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`${status === 500 ? 'Internal error' : text}\n`);
}
