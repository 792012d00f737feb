import { StickyError } from '../../base/errors.js';
import type { SessionFields } from './session.js';
import { Session } from './session.js';
import type { SessionSettings } from './session-options.js';
import { SessionState } from './session-state.js';

/** What a framework knows of a request. */
export interface SessionRequest {
  /** The `Cookie` field, as it came. */
  readonly cookie: string | undefined;
  /** Whether the client spoke https, to us or to a proxy that is trusted. */
  readonly isSecure: boolean;
}

/** What the response needs. */
export interface SessionHeaders {
  readonly setCookie: string | undefined;
  /** An answer that carries an id must not be kept by caches on its way (RFC 9111 §5.2.2.5). */
  readonly cacheControl: string | undefined;
}

const NOTHING: SessionHeaders = { setCookie: undefined, cacheControl: undefined };

/** A session's way through one request, for frameworks: `load`, let the app work, then `commit` before the headers go out. */
export class SessionTurn<Fields extends object = SessionFields> {
  readonly session: Session<Fields>;
  readonly #settings: SessionSettings;
  readonly #state: SessionState;
  readonly #request: SessionRequest;
  /** What the cookie says, where it is one of ours: one id nearly always. */
  readonly #ids: readonly string[];

  constructor(settings: SessionSettings, request: SessionRequest) {
    this.#settings = settings;
    this.#request = request;
    const texts = settings.cookie.find(request.cookie, request.isSecure);
    this.#ids = texts.map((text) => settings.ids.read(text)).filter((id) => id !== undefined);
    this.#state = new SessionState(settings);
    this.session = new Session<Fields>(this.#state);
  }

  /** True when there is a cookie to follow. Without one there is nothing to wait for. */
  get needsLoad(): boolean {
    return this.#ids.length > 0;
  }

  /** Rejects with `STICKY_STORE_DOWN` where `onStoreDown` is `fail`: answer 503. */
  async load(): Promise<void> {
    try {
      for (const id of this.#ids) {
        await this.#state.load(id);
        if (this.#state.ref !== undefined) return;
      }
    } catch (error) {
      this.#storeFailed('load', error);
    }
  }

  /** True when the headers need not wait and nothing is to be added to them. */
  get isQuiet(): boolean {
    const { changes, newId, wasDestroyed } = this.#state;
    return changes.size === 0 && newId === undefined && !wasDestroyed && !this.session.isBusy && !this.#state.isTouchDue;
  }

  /** Stores what was changed. Rejects with `STICKY_STORE_DOWN` as `load` does, and with the faults of the app. Call it once. */
  async commit(): Promise<SessionHeaders> {
    const { cookie, ids } = this.#settings;
    const { isSecure } = this.#request;
    try {
      await this.session.settled();
      await this.#state.commit();
    } catch (error) {
      this.#storeFailed('commit', error);
      return NOTHING;
    }
    const { newId, wasDestroyed } = this.#state;
    if (newId !== undefined) return idHeaders(cookie.write(ids.cookieText(newId), isSecure));
    if (wasDestroyed) return idHeaders(cookie.clear(isSecure));
    if (!this.#state.isTouchDue) return NOTHING;
    this.#state.touch().catch((error: unknown) => this.#settings.onEvent({ type: 'storeDown', during: 'touch', outcome: 'anonymous', error }));
    const id = cookie.isPersistent ? this.#ids[0] : undefined;
    return id === undefined ? NOTHING : idHeaders(cookie.write(ids.cookieText(id), isSecure));
  }

  /** Faults of the app go on up; those of the store as `onStoreDown` says. */
  #storeFailed(during: 'load' | 'commit', error: unknown): void {
    if (!(error instanceof StickyError && error.code === 'STICKY_STORE_DOWN')) throw error;
    const outcome = this.#settings.onStoreDown;
    this.#settings.onEvent({ type: 'storeDown', during, outcome, error });
    if (outcome === 'fail') throw error;
    this.#state.changes.clear();
    if (during === 'load') this.#state.closed = 'storeDown';
  }
}

function idHeaders(setCookie: string): SessionHeaders {
  return { setCookie, cacheControl: 'no-store' };
}
