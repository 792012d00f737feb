import type { FastifyInstance } from 'fastify';
import type { Session, SessionFields } from '../../state/session/session.js';
import type { Sessions } from '../../state/session/sessions.js';
import type { SessionTurn } from '../../state/session/session-turn.js';
import { plugin } from './plugin.js';

declare module 'fastify' {
  interface FastifyRequest {
    session: Session<SessionFields>;
  }
}

const TURN = Symbol('stickyroute session');
type Turned<Fields extends object> = Record<symbol, SessionTurn<Fields> | undefined>;

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
    app.decorateRequest('session');
    app.decorateRequest(TURN);
    // `done` where nothing is waited for, a promise where something is: Fastify takes either, and async hooks
    // cost every request promises.
    app.addHook('onRequest', (request, _reply, done) => {
      const turn = sessions.turn({ cookie: request.headers.cookie, isSecure: request.protocol === 'https' });
      const begin = (): void => {
        request.session = turn.session as unknown as Session<SessionFields>;
        (request as unknown as Turned<Fields>)[TURN] = turn;
      };
      const loading = turn.load();
      if (loading !== undefined) return loading.then(begin);
      begin();
      return done();
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      const turn = (request as unknown as Turned<Fields>)[TURN];
      // No turn: the store failed when the request came. Quiet: there is nothing to store and nothing to say.
      if (turn === undefined || turn.isQuiet) return done();
      // The answer to a commit that failed passes here too.
      (request as unknown as Turned<Fields>)[TURN] = undefined;
      return turn.commit().then(({ setCookie, cacheControl }) => {
        if (setCookie !== undefined) reply.header('set-cookie', setCookie);
        if (cacheControl !== undefined) reply.header('cache-control', cacheControl);
        return payload;
      });
    });
  });
}
