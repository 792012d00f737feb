/**
 * `stickyroute/session`: sessions that a logout really ends and that parallel requests can't overwrite, over
 * any store of `stickyroute/store/…`. Frameworks have doors of their own: `stickyroute/node`, `/express`,
 * `/fastify`, `/hono`.
 */
export { StickyError, type StickyErrorCode } from '../../base/errors.js';
export type { Duration } from '../../base/options.js';
export type { Store } from '../store/store.js';
export { createSessions, type ListedSession, type Sessions } from './sessions.js';
export type { Session, SessionFields } from './session.js';
export type { SessionCookieOptions } from './session-cookie.js';
export type { SessionEvent } from './session-event.js';
export type { LocalOptions, SessionOptions } from './session-options.js';
export type { SessionHeaders, SessionRequest, SessionVisit } from './session-visit.js';
export type { StandardSchema } from './standard-schema.js';
