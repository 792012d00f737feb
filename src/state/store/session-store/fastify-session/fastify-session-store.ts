import type { Store } from '../../store.js';
import { callBack, KeptSessions, type SessionData, type SessionStoreOptions } from '../kept-sessions.js';

/** What `@fastify/session` asks of a store. `any`: it describes sessions in the app's own words. */
export interface FastifySessionStore {
  get(id: string, callback: (error: any, session?: any) => void): unknown;
  set(id: string, session: any, callback: (error?: any) => void): unknown;
  destroy(id: string, callback: (error?: any) => void): unknown;
}

/**
 * A store for `@fastify/session` that keeps its sessions in any store of this package. An id that was
 * destroyed can't be saved again for a minute, unless told otherwise.
 */
export function fastifySessionStore(store: Store, options: SessionStoreOptions = {}): FastifySessionStore {
  const sessions = new KeptSessions('fastifySessionStore', store, { name: 'fastify-session', ...options });
  return {
    get: (id, callback) => callBack(sessions.get(id), callback),
    set: (id, session: SessionData, callback) =>
      callBack(sessions.set(id, session, { isStored: false }), callback),
    destroy: (id, callback) => callBack(sessions.destroy(id), callback),
  };
}
