import { StickyError } from '../../base/errors.js';
import type { SessionFields } from './session.js';
import { Session } from './session.js';
import type { ReadId } from './session-id.js';
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

/** An app that changes its session each time it was stored is not waited for endlessly. */
const COMMITS_MAX = 100;
const NOTHING: SessionHeaders = { setCookie: undefined, cacheControl: undefined };

/**
 * A session's way through one request, for frameworks: `load`, let the app work, then `commit` before the
 * headers go out.
 */
export class SessionTurn<Fields extends object = SessionFields> {
  readonly session: Session<Fields>;
  readonly #settings: SessionSettings;
  readonly #state: SessionState;
  readonly #isSecure: boolean;
  /** What the cookie has under our name: one text nearly always. */
  readonly #texts: readonly string[];
  /** The one that was followed last. */
  #read: ReadId | undefined;

  constructor(settings: SessionSettings, { cookie, isSecure }: SessionRequest) {
    this.#settings = settings;
    this.#isSecure = isSecure;
    this.#texts = settings.cookie.find(cookie, isSecure);
    this.#state = new SessionState(settings);
    this.session = new Session<Fields>(this.#state);
  }

  /**
   * Undefined where nothing must be waited for: there is no cookie to follow, or what it says is at hand.
   * Rejects with `STICKY_STORE_DOWN` where `onStoreDown` is `fail`: answer 503.
   */
  load(): Promise<void> | undefined {
    if (this.#texts.length === 0) return undefined;
    try {
      return this.#load(0)?.catch((error: unknown) => this.#storeFailed('load', error));
    } catch (error) {
      return (async () => this.#storeFailed('load', error))();
    }
  }

  #load(from: number): Promise<void> | undefined {
    for (let at = from; at < this.#texts.length; at++) {
      const read = this.#settings.ids.read(this.#texts[at]!);
      if (read === undefined) continue;
      this.#read = read;
      const loading = this.#state.load(read.ref);
      if (loading !== undefined)
        return loading.then(() => (this.#state.ref === undefined ? this.#load(at + 1) : undefined));
      if (this.#state.ref !== undefined) return undefined;
    }
    return undefined;
  }

  /** The name under which its cookie is read and written. */
  get cookieName(): string {
    return this.#settings.cookie.nameFor(this.#isSecure);
  }

  /** The headers are out, or nobody can be told anything: an id that is made now reaches no client. */
  answered(): void {
    this.#state.isAnswered = true;
  }

  get isAnswered(): boolean {
    return this.#state.isAnswered;
  }

  /** True when the headers need not wait and nothing is to be added to them. Say `answered` then. */
  get isQuiet(): boolean {
    const { newId, wasDestroyed } = this.#state;
    return (
      !this.session.hasChanges &&
      !this.session.hasFailed &&
      newId === undefined &&
      !wasDestroyed &&
      !this.session.isBusy &&
      !this.#state.isTouchDue &&
      !this.#outlivesCookie
    );
  }

  /**
   * Stores what was changed. Rejects with `STICKY_STORE_DOWN` as `load` does, with the faults of the app, and
   * with what an operation rejected with that nobody waited for. Call it once.
   */
  async commit(): Promise<SessionHeaders> {
    try {
      // Again, where the app went on meanwhile: what it did before the headers went out is in them.
      for (let times = 0; times < COMMITS_MAX; times++) {
        if (this.session.isBusy) await this.session.settled();
        this.session.checkHeard();
        try {
          await this.session.commit();
        } catch (error) {
          this.#storeFailed('commit', error);
        }
        if (!this.session.isBusy && !this.session.hasChanges) break;
      }
    } finally {
      this.answered();
    }
    return this.#headers();
  }

  #headers(): SessionHeaders {
    const { cookie, ids } = this.#settings;
    const isSecure = this.#isSecure;
    const { newId, wasDestroyed } = this.#state;
    if (newId !== undefined) return idHeaders(cookie.write(ids.cookieText(newId), isSecure));
    if (wasDestroyed) return idHeaders(cookie.clear(isSecure));
    if (this.#state.isTouchDue) {
      this.#state
        .touch()
        .catch((error: unknown) =>
          this.#settings.onEvent({ type: 'storeDown', during: 'touch', outcome: 'anonymous', error }),
        );
    }
    return this.#outlivesCookie ? idHeaders(cookie.write(ids.cookieText(this.#read!.id), isSecure)) : NOTHING;
  }

  /**
   * True where the session lives longer than the browser has been told: it was extended, or will be. Not for
   * an old id that led here: the browser may know the new one by now.
   */
  get #outlivesCookie(): boolean {
    if (!this.#settings.cookie.isPersistent) return false;
    const { ref, left, wasExtended, isTouchDue } = this.#state;
    return (wasExtended || isTouchDue) && left === undefined && ref !== undefined && this.#read?.ref === ref;
  }

  /**
   * Faults of the app go on up, and so does a change that lost too many races: the store is there, so nothing
   * may be dropped. Those of the store as `onStoreDown` says.
   */
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
