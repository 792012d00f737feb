import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Session } from '../../state/session/session.js';
import type { Sessions } from '../../state/session/sessions.js';
import type { SessionVisit } from '../../state/session/session-visit.js';
import { refuseSession, twoKinds } from '../request-session.js';
import { show, showNoMore } from '../shown-as-sent.js';
import { plugin } from './plugin.js';

declare global {
  namespace Stickyroute {
    /**
     * What requests of Fastify have of ours. A base, for @fastify/session says what `session` is, too: in a
     * program that knows of both, `request.session` has its type, and `sessionOf(request)` has ours.
     */
    interface FastifySessionRequest {
      session: 'sessionStore' extends keyof FastifyRequest ? any : Session<SessionFields>;
    }
  }
}

declare module 'fastify' {
  interface FastifyRequest extends Stickyroute.FastifySessionRequest {}
}

const TURN = Symbol('stickyroute session');
const SESSIONS = Symbol('stickyroute sessions');

/** What a request has of ours. */
interface Turned<Fields extends object> {
  [TURN]: SessionVisit<Fields> | undefined;
  /** Its answer waits until the session is stored. */
  isStoring?: boolean;
}

/**
 * A plugin: `app.register(session(sessions))` gives each request its `request.session`, and the answer waits
 * until what was changed is stored. Whether the client spoke https is what Fastify says (its option
 * `trustProxy`). When the store can't be reached, the app's error handler gets an error with the status 503.
 * What is written to `reply.raw` past Fastify does not wait.
 */
export function session<Fields extends object>(
  sessions: Sessions<Fields>,
): (app: FastifyInstance) => Promise<void> {
  return plugin(async (app) => {
    if (app.hasDecorator(SESSIONS)) {
      // Registered before, here or above: one session for each request, whoever asked for it.
      if ((app as unknown as Record<symbol, unknown>)[SESSIONS] === sessions) return;
      throw twoKinds();
    }
    app.decorate(SESSIONS, sessions as unknown as object);
    app.decorateRequest(TURN);
    app.decorateRequest('session', {
      getter(this: object) {
        return (this as Turned<Fields>)[TURN]?.session as never;
      },
      setter: refuseSession,
    });
    // `done` where nothing is waited for, a promise where something is: Fastify takes either, and async hooks
    // cost every request promises.
    app.addHook('onRequest', (request, _reply, done) => {
      const visit = sessions.visit({
        cookie: request.headers.cookie,
        isSecure: request.protocol === 'https',
      });
      const begin = (): void => void ((request as unknown as Turned<Fields>)[TURN] = visit);
      const loading = visit.load();
      if (loading !== undefined) return loading.then(begin);
      begin();
      return done();
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      const turned = request as unknown as Turned<Fields>;
      // An async handler that has called `reply.send` and returned nothing: Fastify would now send nothing,
      // before the answer that waits. Nobody may go on but that one.
      if (turned.isStoring === true) return undefined;
      const visit = turned[TURN];
      // No visit: the store failed when the request came. Quiet: there is nothing to store and nothing to
      // say. Answered: the commit failed, and this is what is answered instead.
      if (visit === undefined || visit.isAnswered) return done();
      if (visit.isQuiet) {
        visit.answered();
        return done();
      }
      turned.isStoring = true;
      // Fastify looks at them before it answers on its own; they tell the truth soon.
      show(reply.raw, 'headersSent', 'writableEnded');
      const stored = (): void => {
        turned.isStoring = false;
        showNoMore(reply.raw, 'headersSent', 'writableEnded');
      };
      return visit.commit().then(
        ({ setCookie, cacheControl }) => {
          stored();
          if (setCookie !== undefined) reply.header('set-cookie', setCookie);
          if (cacheControl !== undefined) reply.header('cache-control', cacheControl);
          return payload;
        },
        (error: unknown) => {
          stored();
          throw error;
        },
      );
    });
  });
}
