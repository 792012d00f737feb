import { hash } from 'node:crypto';
import { systemClock, type Clock } from '../../../base/clock.js';
import { readDuration, type Duration } from '../../../base/options.js';
import { TTL_MAX_MS, type Requirement } from '../change.js';
import type { Fields } from '../record.js';
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
/** When the cookie ends, since it was last extended without the rest being saved. */
const EXPIRES_FIELD = 'expires';

/** Whole sessions under their ids, for session packages that save them so. */
export class KeptSessions {
  readonly #store: Store;
  readonly #name: string;
  readonly #ttlMs: number;
  readonly #endedForMs: number;
  readonly #clock: Clock;

  constructor(
    store: Store,
    { ttl = '1d', endedFor = '1m', name = 'session', clock = systemClock }: SessionStoreOptions,
  ) {
    this.#store = store;
    this.#name = name;
    this.#ttlMs = readDuration('ttl', ttl, 1, TTL_MAX_MS, 'STICKY_STORE_MISUSED');
    this.#endedForMs = readDuration('endedFor', endedFor, 1, TTL_MAX_MS, 'STICKY_STORE_MISUSED');
    this.#clock = clock;
  }

  /** The session's data; undefined where there is none, it was destroyed, or it can't be read. */
  async get(id: string): Promise<SessionData | undefined> {
    const { partition, key } = this.#place(id);
    const { [JSON_FIELD]: json, [EXPIRES_FIELD]: expires } =
      (await this.#store.read(partition, key))?.fields ?? {};
    if (json === undefined) return undefined;
    try {
      const session = JSON.parse(json) as SessionData | null;
      if (typeof session?.cookie !== 'object' || session.cookie === null) return undefined;
      return expires === undefined ? session : { ...session, cookie: { ...session.cookie, expires } };
    } catch {
      return undefined;
    }
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
        steps: [{ kind: 'put', key, fields, ttlMs, endsInMs: TTL_MAX_MS }],
      })
    ).done;
  }

  /** Only its time to live, with the end of its cookie, and only while it is there. */
  async touch(id: string, session: SessionData): Promise<void> {
    const ttlMs = this.#ttlOf(session);
    if (ttlMs <= 0) return;
    const { partition, key } = this.#place(id);
    await this.#store.change(partition, {
      requires: [
        { kind: 'present', key },
        { kind: 'field', key, field: ENDED_FIELD, text: undefined },
      ],
      steps: [{ kind: 'merge', key, ttlMs, set: endOf(session) }],
    });
  }

  /** Leaves a mark for a while, so that a request which began before does not bring the session back. */
  async destroy(id: string): Promise<void> {
    const { partition, key } = this.#place(id);
    await this.#store.change(partition, {
      steps: [{ kind: 'put', key, fields: { [ENDED_FIELD]: '1' }, ttlMs: this.#endedForMs }],
    });
  }

  /** Ids are as good as passwords: who can read the store must not be able to use them. */
  #place(id: string): { readonly partition: number; readonly key: string } {
    const digest = hash('sha256', id, 'hex');
    return {
      partition: Number.parseInt(digest.slice(0, 8), 16) % this.#store.partitions,
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

function endOf(session: SessionData): Fields {
  const expiresAtMs = expiresAtMsOf(session);
  return expiresAtMs === undefined ? {} : { [EXPIRES_FIELD]: new Date(expiresAtMs).toISOString() };
}

/**
 * Calls back outside of any promise: what a callback throws is the app's, as it is with every other store.
 */
export function callBack<T>(
  result: Promise<T>,
  callback: ((error: unknown, value?: T | undefined) => void) | undefined,
): void {
  result.then(
    (value) => queueMicrotask(() => callback?.(null, value)),
    (error: unknown) => queueMicrotask(() => callback?.(error)),
  );
}
