import type { IncomingMessage, ServerResponse } from 'node:http';
import { StickyError } from '../../base/errors.js';
import type { Session, SessionFields } from '../../state/session/session.js';
import type { Sessions } from '../../state/session/sessions.js';
import { schemeReader, type SchemeOptions } from '../scheme.js';
import { giveSession, knownVisit } from '../request-session.js';
import { answerPlainly, type PlainAnswer } from '../plain-answer.js';
import { holdForSession, isStoreDown, sessionFailure, warnOf } from '../session-response.js';

/** A request that has a session. */
export type SessionMessage<Fields extends object = SessionFields> = IncomingMessage & {
  session: Session<Fields>;
};

export type SessionHandler<Fields extends object> = (
  request: SessionMessage<Fields>,
  response: ServerResponse,
) => void | Promise<void>;

export interface NodeSessionOptions extends SchemeOptions {
  /**
   * Told of what `handler` threw, and of what it answered or set that can't be sent or stored; not of a store
   * that can't be reached. A warning of the process unless set.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * A listener for `http.createServer`: `handler` gets each request with `request.session`, and the response's
 * headers wait until what it changed is stored. Answers 503 when the store can't be reached, and 500 when
 * `handler` rejects before it answered.
 */
export function session<Fields extends object>(
  sessions: Sessions<Fields>,
  handler: SessionHandler<Fields>,
  options: NodeSessionOptions = {},
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const isSecure = schemeReader(options);
  const onError = options.onError ?? warnOf;
  return async (request, response) => {
    const withSession = request as SessionMessage<Fields>;
    if (knownVisit(request, sessions) !== undefined) return handler(withSession, response);
    const visit = sessions.visit({ cookie: request.headers.cookie, isSecure: isSecure(request) });
    let answerInstead = (failure: PlainAnswer): void => answerPlainly(response, failure);
    try {
      const loading = visit.load();
      if (loading !== undefined) await loading;
      answerInstead = holdForSession(response, visit, onError);
      giveSession(request, sessions, visit);
      await handler(withSession, response);
    } catch (error) {
      if (!isStoreDown(error)) onError(error);
      answerInstead(
        error instanceof StickyError ? sessionFailure(error) : { status: 500, text: 'Internal error.' },
      );
    }
  };
}
