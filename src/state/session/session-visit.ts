import { StickyError } from '../../base/errors.js';
import type { SessionFields } from './session.js';
import { Session } from './session.js';
import type { ReadId } from './session-id.js';
import { splitMark, writeMark } from './session-mark.js';
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
export class SessionVisit<Fields extends object = SessionFields> {
  readonly session: Session<Fields>;
  readonly #settings: SessionSettings;
  readonly #state: SessionState;
  readonly #isSecure: boolean;
  /** What the cookie has under our name: one text nearly always. */
  readonly #texts: readonly string[];
  /** The one that was followed last. */
  #read: ReadId | undefined;
  /** Until when its cookie lives, as far as the browser knows. */
  #toldUntilMs = 0;

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
      const { id, mark } = splitMark(this.#texts[at]!);
      const read = this.#settings.ids.read(id);
      if (read === undefined) continue;
      this.#read = read;
      this.#toldUntilMs = mark.untilMs;
      this.#state.knownWrite = mark.write;
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
      !this.#mustTell
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
    if (newId !== undefined) return idHeaders(cookie.write(ids.cookieText(newId) + this.#mark, isSecure));
    if (wasDestroyed) return idHeaders(cookie.clear(isSecure));
    const mustTell = this.#mustTell;
    if (this.#state.isTouchDue) {
      this.#state
        .touch()
        .catch((error: unknown) =>
          this.#settings.onEvent({ type: 'storeDown', during: 'touch', outcome: 'anonymous', error }),
        );
    }
    return mustTell
      ? idHeaders(cookie.write(ids.cookieText(this.#read!.id) + this.#mark, isSecure))
      : NOTHING;
  }

  /**
   * True where the browser must hear of its session: it lives longer than the browser was told, also because
   * an answer that said so was lost; or something was written that copies elsewhere may not know yet. Not for
   * an old id that led here: the browser may know the new one by now.
   */
  get #mustTell(): boolean {
    const { cookie, records, idleMs } = this.#settings;
    if (!cookie.isPersistent && !records.hasCopies) return false;
    const { ref, left, cameByOldId, ownWrite, wasExtended, isTouchDue } = this.#state;
    if (ref === undefined || left !== undefined || cameByOldId || this.#read === undefined) return false;
    if (records.hasCopies && ownWrite !== undefined) return true;
    if (!cookie.isPersistent) return false;
    // Stores tell what is left to the second, and machines' clocks differ.
    const slackMs = Math.min(2_000, idleMs / 20);
    return wasExtended || isTouchDue || this.#untilMs - this.#toldUntilMs > slackMs;
  }

  /** When the session ends if it is not used again. */
  get #untilMs(): number {
    const { isTouchDue, expiresInMs, endsInMs } = this.#state;
    const leftMs = isTouchDue ? Math.min(this.#settings.idleMs, endsInMs) : expiresInMs;
    return this.#settings.clock.now() + leftMs;
  }

  get #mark(): string {
    const { cookie, records } = this.#settings;
    return writeMark({
      untilMs: cookie.isPersistent ? this.#untilMs : 0,
      write: records.hasCopies ? (this.#state.ownWrite ?? this.#state.knownWrite) : '',
    });
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
