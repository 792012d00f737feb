import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import { StickyError } from '../../base/errors.js';
import { Session, type SessionFields } from '../../state/session/session.js';
import type { Sessions } from '../../state/session/sessions.js';
import type { SessionVisit } from '../../state/session/session-visit.js';
import { refuseSession, twoKinds } from '../request-session.js';
import { schemeReader, type SchemeOptions } from '../scheme.js';
import { isStoreDown, sessionFailure, warnOf } from '../session-response.js';

declare module 'hono' {
  interface ContextVariableMap {
    session: Session<SessionFields>;
  }
}

const HELD = 'stickyroute session';

interface Held {
  readonly sessions: Sessions<never>;
  readonly visit: SessionVisit<never>;
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
    const before = c.get(HELD as never) as Held | undefined;
    // Mounted twice, it gives one session.
    if (before?.sessions === (sessions as unknown)) return next();
    // `incoming` is there under @hono/node-server; elsewhere the URL alone tells.
    const incoming = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
    const isSecure =
      c.req.url.startsWith('https:') || (incoming !== undefined && isForwardedSecure(incoming));
    const visit = sessions.visit({ cookie: c.req.header('cookie'), isSecure });
    const fail = (error: unknown): Response => {
      if (!isStoreDown(error)) warnOf(error);
      const { status, text } = sessionFailure(error);
      return new Response(`${text}\n`, {
        status,
        headers: { 'cache-control': 'no-store', ...(status === 503 ? { 'retry-after': '1' } : {}) },
      });
    };
    try {
      const loading = visit.load();
      if (loading !== undefined) await loading;
    } catch (error) {
      return fail(error);
    }
    if (before?.visit.cookieName === visit.cookieName) throw twoKinds();
    c.set(HELD as never, { sessions, visit } as never);
    c.set('session', visit.session as unknown as Session<SessionFields>);
    await next();
    // Hono answers 500 to what it doesn't know; the app may say otherwise in `onError`.
    if (c.error instanceof StickyError && c.error.status !== undefined && c.res.status === 500) {
      const { error } = c;
      visit.answered();
      c.res = undefined;
      c.res = fail(error);
      return undefined;
    }
    // Nothing can be in the way of `c.set` but a closure for each request. So it is seen here.
    if (c.error === undefined && !(c.get('session') instanceof Session)) {
      visit.answered();
      c.res = undefined;
      refuseSession();
    }
    if (visit.isQuiet) {
      visit.answered();
      return undefined;
    }
    try {
      const { setCookie, cacheControl } = await visit.commit();
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
