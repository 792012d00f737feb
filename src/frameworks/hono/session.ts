import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import type { Session, SessionFields } from '../../state/session/session.js';
import type { Sessions } from '../../state/session/sessions.js';
import { schemeReader, type SchemeOptions } from '../scheme.js';
import { isStoreDown, sessionFailure, warnOf } from '../session-response.js';

declare module 'hono' {
  interface ContextVariableMap {
    session: Session<SessionFields>;
  }
}

/**
 * Middleware: `app.use(session(sessions))`, then `c.get('session')`. The response waits until what was
 * changed is stored; a handler that streams and changes the session while it does calls `save` itself.
 * Answers 503 when the store can't be reached.
 */
export function session<Fields extends object>(
  sessions: Sessions<Fields>,
  options: SchemeOptions = {},
): MiddlewareHandler {
  const isForwardedSecure = schemeReader(options);
  return async (c, next) => {
    // `incoming` is there under @hono/node-server; elsewhere the URL alone tells.
    const incoming = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
    const isSecure =
      c.req.url.startsWith('https:') || (incoming !== undefined && isForwardedSecure(incoming));
    const turn = sessions.turn({ cookie: c.req.header('cookie'), isSecure });
    const fail = (error: unknown): Response => {
      if (!isStoreDown(error)) warnOf(error);
      const { status, text } = sessionFailure(error);
      return new Response(`${text}\n`, {
        status,
        headers: { 'cache-control': 'no-store', ...(status === 503 ? { 'retry-after': '1' } : {}) },
      });
    };
    try {
      const loading = turn.load();
      if (loading !== undefined) await loading;
    } catch (error) {
      return fail(error);
    }
    c.set('session', turn.session as unknown as Session<SessionFields>);
    await next();
    if (turn.isQuiet) return undefined;
    try {
      const { setCookie, cacheControl } = await turn.commit();
      if (setCookie !== undefined) c.header('set-cookie', setCookie, { append: true });
      if (cacheControl !== undefined) c.header('cache-control', cacheControl);
    } catch (error) {
      // Else Hono gives the new one the headers of the old: its length, its life in caches.
      c.res = undefined;
      c.res = fail(error);
    }
    return undefined;
  };
}
