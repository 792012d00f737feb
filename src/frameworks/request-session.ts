import { StickyError } from '../base/errors.js';
import { Session, type SessionFields } from '../state/session/session.js';
import type { SessionVisit } from '../state/session/session-visit.js';
import type { Sessions } from '../state/session/sessions.js';

const HELD = Symbol('stickyroute session');

interface Held {
  readonly sessions: Sessions<never>;
  readonly visit: SessionVisit<never>;
}

interface Holder {
  [HELD]?: Held;
}

/** One function for all requests, and no closures. */
const SESSION: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: Holder): Session<never> | undefined {
    return this[HELD]?.visit.session;
  },
  set: refuseSession,
};

/**
 * The visit that a request has from these sessions already: middleware that is mounted twice gives one
 * session. Sessions of another kind under the same cookie are refused: each would overwrite what the other
 * set.
 */
export function knownVisit<Fields extends object>(
  request: object,
  sessions: Sessions<Fields>,
): SessionVisit<Fields> | undefined {
  const held = (request as Holder)[HELD];
  if (held === undefined) return undefined;
  return held.sessions === (sessions as unknown)
    ? (held.visit as unknown as SessionVisit<Fields>)
    : undefined;
}

/**
 * A request's session, with our types: for programs in which another package says what `request.session` is.
 */
export function sessionOf<Fields extends object = SessionFields>(request: object): Session<Fields> {
  const { session } = request as { session?: unknown };
  if (session instanceof Session) return session as Session<Fields>;
  throw new StickyError(
    'STICKY_SESSION_INVALID',
    'This request has no session of stickyroute. Put session(sessions) before the handler that asks for it.',
  );
}

/** `request.session` from here on. */
export function giveSession<Fields extends object>(
  request: object,
  sessions: Sessions<Fields>,
  visit: SessionVisit<Fields>,
): void {
  const held = (request as Holder)[HELD];
  if (held !== undefined && held.visit.cookieName === visit.cookieName) throw twoKinds();
  (request as Holder)[HELD] = {
    sessions: sessions as unknown as Sessions<never>,
    visit: visit as unknown as SessionVisit<never>,
  };
  if (held === undefined) Object.defineProperty(request, 'session', SESSION);
}

export function twoKinds(): StickyError {
  return new StickyError(
    'STICKY_CONFIG_INVALID',
    'This request has a session already, of another createSessions() with the same cookie, and each would overwrite the other. Call createSessions() once and share it, or give one of them a `cookie.name` of its own.',
  );
}

export function refuseSession(): never {
  throw new StickyError(
    'STICKY_SESSION_INVALID',
    "A request's session can't be replaced, and `request.session = …` or `c.set('session', …)` ends nothing. To end it write: await request.session.destroy(), in Hono await c.get('session').destroy(). To store a field: request.session.set(name, value).",
  );
}
