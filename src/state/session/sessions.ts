import { StickyError } from '../../base/errors.js';
import { checkNames } from '../../base/options.js';
import type { Store } from '../store/store.js';
import { Session, type SessionFields } from './session.js';
import { parseRef, partitionOfUser, refText, userIndex } from './session-id.js';
import { readSessionOptions, type SessionOptions, type SessionSettings } from './session-options.js';
import { readSession } from './record-format.js';
import { SessionVisit, type SessionRequest } from './session-visit.js';

/** One of a user's sessions, as `ofUser` lists it. */
export interface ListedSession {
  /** Names it, to end it by `end`. It opens nothing. */
  readonly ref: string;
  /**
   * How long ago it began, and how long ago it was last used: good to a tenth of the idle limit.
   * Milliseconds.
   */
  readonly beganAgoMs: number;
  readonly usedAgoMs: number;
  /** What the app gave to `session.login`. */
  readonly device: unknown;
}

const END_ALL_NAMES = { except: 1 };

/** Sessions of one app, with its store, cookie and limits. Share one between all requests of a process. */
export function createSessions<Fields extends object = SessionFields>(
  options: SessionOptions<Fields>,
): Sessions<Fields> {
  return new Sessions<Fields>(readSessionOptions(options));
}

export class Sessions<Fields extends object = SessionFields> {
  readonly #settings: SessionSettings;
  readonly #store: Store;

  constructor(settings: SessionSettings) {
    this.#settings = settings;
    this.#store = settings.store;
  }

  /** For frameworks: one request's session. */
  visit(request: SessionRequest): SessionVisit<Fields> {
    return new SessionVisit<Fields>(this.#settings, request);
  }

  /** The sessions in which a user is logged in, the last used first. */
  async ofUser(id: string): Promise<ListedSession[]> {
    checkUser(id);
    const partition = partitionOfUser(id, this.#store.partitions);
    const linked = await this.#store.list(partition, userIndex(id));
    const listed = await Promise.all(linked.map(({ member }) => this.#list(partition, member, id)));
    return listed.filter((session) => session !== undefined).sort((a, b) => a.usedAgoMs - b.usedAgoMs);
  }

  /** Ends one session of `ofUser`'s list. False: it was over already. */
  async end(user: string, ref: string): Promise<boolean> {
    checkUser(user);
    const at = typeof ref === 'string' ? parseRef(ref) : undefined;
    const partition = partitionOfUser(user, this.#store.partitions);
    if (at === undefined || at.partition !== partition) return false;
    // Only what is linked to that user: a ref that a client sends back may be anybody's.
    const linked = await this.#store.list(partition, userIndex(user));
    if (!linked.some(({ member }) => member === at.key)) return false;
    const { key } = at;
    const steps = [
      { kind: 'remove', key } as const,
      { kind: 'unlink', index: userIndex(user), member: key } as const,
    ];
    const changed = await this.#settings.records.change(at, { requires: [{ kind: 'present', key }], steps });
    return changed.done;
  }

  /** Logs a user out everywhere, in one step; `except` one session. Resolves to how many were ended. */
  async endAll(
    user: string,
    options: { readonly except?: Session<Fields> | string | undefined } = {},
  ): Promise<number> {
    // Misspelt, it would log out the one that is to stay.
    checkNames(options, END_ALL_NAMES, "endAll()'s second argument", 'STICKY_SESSION_INVALID');
    checkUser(user);
    const { except } = options;
    if (except !== undefined && typeof except !== 'string' && !(except instanceof Session))
      throw new StickyError(
        'STICKY_SESSION_INVALID',
        '`except` is neither a session nor the `ref` of one. Write: { except: request.session }.',
      );
    const partition = partitionOfUser(user, this.#store.partitions);
    const kept = except instanceof Session ? except.ref : except;
    const key = kept === undefined ? undefined : parseRef(kept)?.key;
    const index = userIndex(user);
    const changed = await this.#settings.records.changeIndex(partition, index, {
      steps: [{ kind: 'removeLinked', index, except: key }],
    });
    return changed.done ? changed.removed : 0;
  }

  /** Ends what `local` began. Not the store, which is yours. */
  close(): void {
    this.#settings.records.close();
  }

  async #list(partition: number, key: string, user: string): Promise<ListedSession | undefined> {
    const record = await this.#store.read(partition, key);
    const session = record && readSession(record);
    if (session === undefined || session.content.user !== user) return undefined;
    const { content, expiresInMs, endsInMs } = session;
    return {
      ref: refText({ partition, key }),
      beganAgoMs: Math.max(0, content.absoluteMs - endsInMs),
      usedAgoMs: Math.max(0, this.#settings.idleMs - expiresInMs),
      device: content.device === undefined ? undefined : (JSON.parse(content.device) as unknown),
    };
  }
}

function checkUser(id: unknown): void {
  if (typeof id !== 'string' || id === '')
    throw new StickyError(
      'STICKY_SESSION_INVALID',
      'A user id must be the text that session.login() was given. Turn a number into text.',
    );
}
