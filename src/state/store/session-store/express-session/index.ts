/** `stickyroute/store/express-session`: any store of ours under the package express-session. */
export { expressSessionStore } from './express-session-store.js';
export type { ExpressSessionStoreOptions } from './express-session-store.js';
export type { SessionStoreOptions } from '../kept-sessions.js';
export type { Duration } from '../../../../base/options.js';
export type { Store } from '../../store.js';
