import { StickyError } from '../../../../base/errors.js';
import type { Store } from '../../store.js';
import { callBack, KeptSessions, type SessionData, type SessionStoreOptions } from '../kept-sessions.js';

export interface ExpressSessionStoreOptions<S extends object> extends SessionStoreOptions {
  /** What `express-session` exports: its stores are made of its own class. */
  readonly session: { readonly Store: abstract new () => S };
}

/** What `express-session` asks of a store, apart from what its own class does. */
interface Methods {
  get(id: string, callback?: (error: unknown, session?: SessionData | null | undefined) => void): unknown;
  set(id: string, session: SessionData, callback?: (error?: unknown) => void): unknown;
  touch(id: string, session: SessionData, callback?: (error?: unknown) => void): unknown;
  destroy(id: string, callback?: (error?: unknown) => void): unknown;
  all(callback?: (error: unknown, sessions?: SessionData[] | undefined) => void): unknown;
  length(callback?: (error: unknown, length?: number | undefined) => void): unknown;
  clear(callback?: (error?: unknown) => void): unknown;
  createSession(request: object, session: SessionData): object;
}

/**
 * A store for `express-session` that keeps its sessions in any store of this package. A session that was
 * destroyed stays destroyed, whatever requests that began before do with it.
 */
export function expressSessionStore<S extends object>(
  store: Store,
  { session, ...options } = {} as ExpressSessionStoreOptions<S>,
): S {
  if (typeof session?.Store !== 'function')
    throw new StickyError(
      'STICKY_STORE_MISUSED',
      'expressSessionStore needs what express-session exports: expressSessionStore(store, { session }).',
    );
  const sessions = new KeptSessions('expressSessionStore', store, { name: 'express-session', ...options });
  // Those that came out of the store, or went into it. They may change what is there, and never bring back
  // what is gone.
  const stored = new WeakSet<object>();
  const base = new (session.Store as new () => S)() as S & Pick<Methods, 'createSession'>;
  const create = base.createSession.bind(base);

  const methods: Methods = {
    get: (id, callback) => callBack<SessionData | undefined>(sessions.get(id), callback),
    set(id, data, callback) {
      const saved = sessions.set(id, data, { isStored: stored.has(data) }).then((isDone) => {
        if (isDone) stored.add(data);
      });
      return callBack(saved, callback);
    },
    touch: (id, data, callback) => callBack(sessions.touch(id, data), callback),
    destroy: (id, callback) => callBack(sessions.destroy(id), callback),
    all: (callback) => callBack(sessions.all(), callback),
    length: (callback) => callBack(sessions.length(), callback),
    clear: (callback) => callBack(sessions.clear(), callback),
    createSession(request, data) {
      const made = create(request, data);
      stored.add(made);
      return made;
    },
  };
  return Object.assign(base, methods);
}
