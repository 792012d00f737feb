/** `stickyroute/store/fastify-session`: any store of ours under the package @fastify/session. */
export { fastifySessionStore } from './fastify-session-store.js';
export type { FastifySessionStore } from './fastify-session-store.js';
export type { SessionStoreOptions } from '../kept-sessions.js';
export type { Duration } from '../../../../base/options.js';
export type { Store } from '../../store.js';
