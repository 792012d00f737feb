import { wholeNumber } from '../../../base/digits.js';
import { hash } from 'node:crypto';
import { systemClock, type Clock } from '../../../base/clock.js';
import { StickyError } from '../../../base/errors.js';
import { checkNames, readDuration, type Duration } from '../../../base/options.js';
import { TTL_MAX_MS, type Requirement, type Step } from '../change.js';
import type { StoredRecord } from '../record.js';
import type { Store } from '../store.js';

export interface SessionStoreOptions {
  /**
   * How long a session lives whose cookie ends with the browser, such as `1d` (unless set). Else its cookie
   * says how long.
   */
  readonly ttl?: Duration | undefined;
  /**
   * How long an id that was destroyed can't be saved again, `1m` unless set: longer than the longest request
   * takes.
   */
  readonly endedFor?: Duration | undefined;
  /**
   * False: no list is kept of the sessions, and `all`, `length` and `clear` can't be called. A list costs
   * each write a step of the same command.
   */
  readonly list?: boolean | undefined;
  /** What its keys begin with. One name for each app that shares a store. */
  readonly name?: string | undefined;
  readonly clock?: Clock | undefined;
}

/** What both session packages give a store: data that can be written as JSON, and the cookie's settings. */
export interface SessionData {
  readonly cookie?: { readonly expires?: Date | string | boolean | null | undefined } | undefined;
}

const JSON_FIELD = 'session';
const ENDED_FIELD = 'ended';
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** The cookie's settings, since they were last written without the rest. */
const COOKIE_FIELD = 'cookie';
const NAMES = { ttl: 1, endedFor: 1, list: 1, name: 1, clock: 1 } satisfies Record<
  keyof SessionStoreOptions,
  1
>;
/** Of one round of reads, of all sessions there are. */
const READ_AT_ONCE_MAX = 100;

/** Whole sessions under their ids, for session packages that save them so. */
export class KeptSessions {
  readonly #store: Store;
  readonly #name: string;
  readonly #ttlMs: number;
  readonly #endedForMs: number;
  readonly #clock: Clock;
  readonly #isListing: boolean;

  /** `maker` is what the app called. */
  constructor(maker: string, store: Store, options: SessionStoreOptions) {
    checkNames(options, NAMES, `${maker}'s options`, 'STICKY_STORE_MISUSED');
    const { ttl = '1d', endedFor = '1m', list = true, name = 'session', clock = systemClock } = options;
    if (typeof (store as Partial<Store> | undefined)?.change !== 'function')
      throw misused(`${maker} takes a store first, such as memoryStore() of stickyroute/store/memory.`);
    if (typeof name !== 'string' || !NAME.test(name))
      throw misused('`name` must be 1 to 64 letters, digits, dots, hyphens and underscores.');
    if (typeof list !== 'boolean') throw misused('`list` must be true or false.');
    this.#store = store;
    this.#name = name;
    this.#isListing = list;
    this.#ttlMs = readDuration('ttl', ttl, 1, TTL_MAX_MS, 'STICKY_STORE_MISUSED');
    this.#endedForMs = readDuration('endedFor', endedFor, 1, TTL_MAX_MS, 'STICKY_STORE_MISUSED');
    this.#clock = clock;
  }

  /** The session's data; undefined where there is none, it was destroyed, or it can't be read. */
  async get(id: string): Promise<SessionData | undefined> {
    const { partition, key } = this.#place(id);
    return sessionOf(await this.#store.read(partition, key));
  }

  /**
   * False where it was destroyed, or, for one that was stored before, where it is no longer there: then
   * nothing is stored.
   */
  async set(
    id: string,
    session: SessionData,
    { isStored }: { readonly isStored: boolean },
  ): Promise<boolean> {
    const ttlMs = this.#ttlOf(session);
    if (ttlMs <= 0) {
      await this.destroy(id);
      return false;
    }
    const { partition, key } = this.#place(id);
    const requires: Requirement[] = [{ kind: 'field', key, field: ENDED_FIELD, text: undefined }];
    if (isStored) requires.push({ kind: 'present', key });
    const fields = { [JSON_FIELD]: JSON.stringify(session) };
    return (
      await this.#store.change(partition, {
        requires,
        steps: [{ kind: 'put', key, fields, ttlMs, endsInMs: TTL_MAX_MS }, ...this.#link(key, ttlMs)],
      })
    ).done;
  }

  /** Only its time to live, with the cookie's settings, and only while it is there. */
  async touch(id: string, session: SessionData): Promise<void> {
    const ttlMs = this.#ttlOf(session);
    if (ttlMs <= 0) return;
    const { partition, key } = this.#place(id);
    await this.#store.change(partition, {
      requires: [
        { kind: 'present', key },
        { kind: 'field', key, field: ENDED_FIELD, text: undefined },
      ],
      steps: [
        { kind: 'merge', key, ttlMs, set: { [COOKIE_FIELD]: JSON.stringify(session.cookie ?? {}) } },
        ...this.#link(key, ttlMs),
      ],
    });
  }

  /** Leaves a mark for a while, so that a request which began before does not bring the session back. */
  async destroy(id: string): Promise<void> {
    const { partition, key } = this.#place(id);
    await this.#store.change(partition, {
      steps: [
        { kind: 'put', key, fields: { [ENDED_FIELD]: '1' }, ttlMs: this.#endedForMs },
        ...(this.#isListing ? [{ kind: 'unlink', index: this.#index, member: key } as const] : []),
      ],
    });
  }

  /** Every session there is, in no particular order. Their ids are nobody's to know. */
  async all(): Promise<SessionData[]> {
    const found: SessionData[] = [];
    for (let partition = 0; partition < this.#store.partitions; partition++) {
      const keys = await this.#keys(partition, 'all');
      for (let at = 0; at < keys.length; at += READ_AT_ONCE_MAX) {
        const reads = keys.slice(at, at + READ_AT_ONCE_MAX).map((key) => this.#store.read(partition, key));
        for (const record of await Promise.all(reads)) {
          const session = sessionOf(record);
          if (session !== undefined) found.push(session);
        }
      }
    }
    return found;
  }

  /** How many sessions there are. */
  async length(): Promise<number> {
    let count = 0;
    for (let partition = 0; partition < this.#store.partitions; partition++)
      count += (await this.#keys(partition, 'length')).length;
    return count;
  }

  /** Ends every session. What requests in flight had read is not brought back by them. */
  async clear(): Promise<void> {
    this.#checkListing('clear');
    for (let partition = 0; partition < this.#store.partitions; partition++)
      await this.#store.change(partition, { steps: [{ kind: 'removeLinked', index: this.#index }] });
  }

  async #keys(partition: number, method: string): Promise<string[]> {
    this.#checkListing(method);
    return (await this.#store.list(partition, this.#index)).map(({ member }) => member);
  }

  #checkListing(method: string): void {
    if (!this.#isListing)
      throw misused(`${method}() needs the list of sessions, which \`list: false\` has turned off.`);
  }

  #link(key: string, ttlMs: number): Step[] {
    return this.#isListing ? [{ kind: 'link', index: this.#index, member: key, ttlMs }] : [];
  }

  get #index(): string {
    return `${this.#name}:all`;
  }

  /** Ids are as good as passwords: who can read the store must not be able to use them. */
  #place(id: string): { readonly partition: number; readonly key: string } {
    const digest = hash('sha256', id, 'hex');
    return {
      partition: wholeNumber(digest.slice(0, 8), 16) % this.#store.partitions,
      key: `${this.#name}:${digest}`,
    };
  }

  #ttlOf(session: SessionData): number {
    const expiresAtMs = expiresAtMsOf(session);
    return expiresAtMs === undefined ? this.#ttlMs : Math.min(expiresAtMs - this.#clock.now(), TTL_MAX_MS);
  }
}

/** Undefined where the cookie ends with the browser. */
function expiresAtMsOf({ cookie }: SessionData): number | undefined {
  const expires = cookie?.expires;
  if (expires === undefined || expires === null || typeof expires === 'boolean') return undefined;
  const ms = new Date(expires).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

/** Undefined where there is none, it was destroyed, or it can't be read. */
function sessionOf(record: StoredRecord | undefined): SessionData | undefined {
  const { [JSON_FIELD]: json, [COOKIE_FIELD]: cookie } = record?.fields ?? {};
  if (json === undefined) return undefined;
  try {
    const session = JSON.parse(json) as SessionData | null;
    if (typeof session?.cookie !== 'object' || session.cookie === null) return undefined;
    return cookie === undefined ? session : { ...session, cookie: JSON.parse(cookie) as object };
  } catch {
    return undefined;
  }
}

function misused(message: string): StickyError {
  return new StickyError('STICKY_STORE_MISUSED', message);
}

/**
 * Calls back outside of any promise: what a callback throws is the app's, as it is with every other store.
 * Without a callback the promise is the answer, as connect-redis has it.
 */
export function callBack<T>(
  result: Promise<T>,
  callback: ((error: unknown, value?: T | undefined) => void) | undefined,
): Promise<T> | undefined {
  result.then(
    (value) => queueMicrotask(() => callback?.(null, value)),
    (error: unknown) => queueMicrotask(() => callback?.(error)),
  );
  return callback === undefined ? result : undefined;
}
