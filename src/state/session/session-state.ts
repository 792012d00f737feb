import { StickyError } from '../../base/errors.js';
import type { Requirement, Step } from '../store/change.js';
import { closedSession, lateSession } from './closed-session.js';
import { applyChanges, changedBytes, writeChanges } from './field-changes.js';
import { schemaRefusal } from './schema-refusal.js';
import { partitionOfUser, refOf, userIndex, type SessionRef } from './session-id.js';
import type { SessionSettings } from './session-options.js';
import {
  fieldKey,
  FORWARD_FIELD,
  writeContent,
  type Forward,
  type LoadedSession,
  type SessionContent,
} from './record-format.js';

/** A renewal of a renewal of a renewal, within the seconds that an old id lives. */
const HOPS_MAX = 8;
/** Each try that fails means that somebody else's went through. */
const TRIES_MAX = 200;
const NO_FIELDS: ReadonlyMap<string, string> = new Map();

/**
 * One request's session against the store. Fields that were set wait for `commit`, and are then written
 * alone, so that requests which set different fields keep all of them; and only into a session that is still
 * there, so that one which ended stays ended.
 */
export class SessionState {
  readonly settings: SessionSettings;
  /** Where writes go; undefined while nothing is stored. */
  ref: SessionRef | undefined;
  /**
   * Set where the client came with an old id, under which somebody else logged in since. It keeps what it
   * had, for the seconds that it lives; where the session went on is not for it to see or to change.
   */
  left: Forward | undefined;
  content: SessionContent;
  #changes: Map<string, string | undefined> | undefined;
  /** An id that the client doesn't know yet. */
  newId: string | undefined;
  wasDestroyed = false;
  /** This request wrote into a session that was there, which lives on from then. */
  wasExtended = false;
  /**
   * Why nothing is written any more: the session was ended by another request, or the store could not be
   * asked for it.
   */
  closed: 'ended' | 'storeDown' | undefined;
  /** The headers of the answer are out: the client can't be told of a new id any more. */
  isAnswered = false;
  /** The last write that the client knows to be stored. */
  knownWrite = '';
  /** The last of this request's own. */
  ownWrite: string | undefined;
  /** The client came with the old id of a renewal. */
  cameByOldId = false;
  /** What is left of it, as it was read. */
  expiresInMs = 0;
  endsInMs = 0;

  constructor(settings: SessionSettings) {
    this.settings = settings;
    this.content = this.#empty();
  }

  /** Fields to write; undefined: to delete. Made when it is asked for: most requests write nothing. */
  get changes(): Map<string, string | undefined> {
    return (this.#changes ??= new Map());
  }

  get hasChanges(): boolean {
    return this.#changes !== undefined && this.#changes.size > 0;
  }

  /**
   * Follows the id that a client sent. An id that is not there is not adopted: the client counts as new. A
   * promise only where the store must be waited for.
   */
  load(ref: SessionRef, hops = HOPS_MAX): Promise<void> | undefined {
    const { records, store } = this.settings;
    for (let at: SessionRef | undefined = ref; at !== undefined && hops > 0; hops--) {
      if (at.partition >= store.partitions) return undefined;
      // Where it went on, others may have written that the client knows of by no mark.
      const found: ReturnType<typeof records.look> = this.cameByOldId
        ? this.read(at)
        : records.look(at, this.knownWrite);
      if (found instanceof Promise) {
        const [here, left] = [at, hops - 1];
        return found.then((loaded) => {
          const next = this.#arrive(here, loaded);
          return next === undefined ? undefined : this.load(next, left);
        });
      }
      at = this.#arrive(at, found);
    }
    return undefined;
  }

  /** Where to look next, if the session went on elsewhere. */
  #arrive(ref: SessionRef, loaded: LoadedSession | undefined): SessionRef | undefined {
    if (loaded === undefined) return undefined;
    const { forward } = loaded;
    if (forward !== undefined && forward.kind !== 'left') return this.follow(forward);
    this.#take(loaded);
    this.ref = ref;
    this.left = forward;
    return undefined;
  }

  /** Goes where the session went on. */
  follow({ to, kind }: Forward): SessionRef {
    if (kind === 'renewed') this.cameByOldId = true;
    return to;
  }

  read(ref: SessionRef): Promise<LoadedSession | undefined> {
    return this.settings.records.read(ref, this.knownWrite);
  }

  /** Writes what was set and deleted since. */
  async commit(): Promise<void> {
    if (!this.hasChanges) return;
    if (this.closed !== undefined) {
      this.changes.clear();
      return;
    }
    if (this.settings.schema !== undefined) await this.#validate();
    const changes = new Map(this.changes);
    if (this.ref === undefined) await this.create(this.content.user, this.content.device);
    else await this.#merge([], () => changes);
    this.#written(changes);
  }

  /**
   * Makes a field from what it is now, as often as it takes until nobody was faster. The other changes go
   * with it.
   */
  async update(name: string, make: (text: string | undefined) => string | undefined): Promise<void> {
    let written = new Map<string, string | undefined>();
    const next = () => (written = new Map(this.changes).set(name, make(this.textOf(name))));
    this.checkOpen();
    if (this.ref === undefined) {
      for (const [field, text] of next()) this.changes.set(field, text);
      await this.#validate();
      await this.create(this.content.user, this.content.device);
    } else {
      // What this request set itself overwrites what others did, so there is nothing to compare.
      await this.#merge(this.changes.has(name) ? [] : [name], next);
      this.checkOpen();
    }
    this.#written(written);
  }

  /** Stores a session that wasn't there, under an id of its own. */
  async create(user: string | undefined, device: string | undefined): Promise<void> {
    this.checkTellable();
    const { store, records, ids, idleMs, absoluteMs, random } = this.settings;
    const partition =
      user === undefined ? random.below(store.partitions) : partitionOfUser(user, store.partitions);
    const id = ids.make(partition);
    const ref = refOf(id);
    const content = { user, device, absoluteMs, fields: this.merged() };
    const written = new Map(this.changes);
    await records.change(ref, {
      requires: [{ kind: 'absent', key: ref.key }],
      steps: [
        { kind: 'put', key: ref.key, fields: writeContent(content), ttlMs: idleMs, endsInMs: absoluteMs },
        ...linkSteps(user, ref, absoluteMs),
      ],
    });
    this.becomes(id, ref, content, written);
  }

  /** The session goes on under a new id. */
  becomes(
    id: string,
    ref: SessionRef,
    content: SessionContent,
    written: ReadonlyMap<string, string | undefined>,
  ): void {
    this.newId = id;
    this.ref = ref;
    this.left = undefined;
    this.cameByOldId = false;
    this.content = content;
    this.#forget(written);
    this.wasDestroyed = false;
    this.expiresInMs = this.settings.idleMs;
    this.endsInMs = content.absoluteMs;
  }

  /** The session at `ref` goes by this id, too. What was set waits for the commit. */
  isAlso(id: string, ref: SessionRef, loaded: LoadedSession): void {
    this.newId = id;
    this.ref = ref;
    this.left = undefined;
    this.cameByOldId = false;
    this.wasDestroyed = false;
    this.#take(loaded);
  }

  /** Ends it, and where it went on meanwhile. */
  async destroy(): Promise<void> {
    const { records } = this.settings;
    // Who it is can't be told, so it can't be ended, and must not look so.
    if (this.closed === 'storeDown') this.checkOpen();
    this.changes.clear();
    let { ref } = this;
    for (let hop = 0; ref !== undefined && hop < HOPS_MAX; hop++) {
      const { key }: SessionRef = ref;
      const { user } = this.content;
      const unlink: Step[] =
        user === undefined ? [] : [{ kind: 'unlink', index: userIndex(user), member: key }];
      const changed = await records.change(ref, {
        requires: this.#notForwarded(key),
        steps: [{ kind: 'remove', key }, ...unlink],
      });
      if (changed.done) break;
      const loaded = await this.read(ref);
      // Somebody logged in meanwhile: theirs goes on, and only the old id ends.
      if (loaded?.forward?.kind === 'left') await records.change(ref, { steps: [{ kind: 'remove', key }] });
      ref = loaded?.forward === undefined || loaded.forward.kind === 'left' ? undefined : loaded.forward.to;
    }
    this.content = this.#empty();
    this.ref = undefined;
    this.left = undefined;
    this.newId = undefined;
    this.closed = undefined;
    this.wasDestroyed = true;
  }

  /** As the store has it now; what was set and not stored is forgotten. */
  async reload(): Promise<void> {
    this.checkOpen();
    this.changes.clear();
    for (let hops = 0; this.ref !== undefined && hops < HOPS_MAX; hops++) {
      const loaded = await this.read(this.ref);
      if (loaded === undefined) {
        this.close();
        this.checkOpen();
        return;
      }
      if (loaded.forward === undefined || loaded.forward.kind === 'left') {
        this.left = loaded.forward;
        this.#take(loaded);
        return;
      }
      this.ref = this.follow(loaded.forward);
    }
  }

  /** Extends a session that was only read. */
  async touch(): Promise<void> {
    if (this.ref === undefined) return;
    const { key } = this.ref;
    await this.settings.records.change(this.ref, {
      requires: this.#notForwarded(key),
      steps: [{ kind: 'merge', key, ttlMs: this.settings.idleMs }],
    });
  }

  get isTouchDue(): boolean {
    const { idleMs, touchMs } = this.settings;
    return (
      this.ref !== undefined &&
      this.left === undefined &&
      this.newId === undefined &&
      this.expiresInMs < idleMs - touchMs &&
      this.expiresInMs < this.endsInMs - 1_000
    );
  }

  textOf(name: string): string | undefined {
    return this.#changes?.has(name) === true ? this.#changes.get(name) : this.content.fields.get(name);
  }

  /** All fields, with what was set since. */
  merged(): Map<string, string> {
    const fields = new Map(this.content.fields);
    applyChanges(fields, this.changes);
    return fields;
  }

  /** What all fields but this one come to. */
  bytesBeside(name: string): number {
    return changedBytes(this.content.fields, this.#changes, name);
  }

  /**
   * `compared`: fields that must still be as this request knows them. `next` is asked again after others were
   * faster.
   */
  async #merge(
    compared: readonly string[],
    next: () => ReadonlyMap<string, string | undefined>,
  ): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const ref = this.ref!;
      const { key } = ref;
      const { set, unset } = writeChanges(next());
      const changed = await this.settings.records.change(ref, {
        requires: [
          { kind: 'present', key },
          ...this.#notForwarded(key),
          ...compared.map((name): Requirement => ({
            kind: 'field',
            key,
            field: fieldKey(name),
            text: this.content.fields.get(name),
          })),
        ],
        steps: [{ kind: 'merge', key, set, unset, ttlMs: this.settings.idleMs }],
      });
      if (changed.done) {
        this.ownWrite = changed.version.toString(36);
        return;
      }
      const loaded = changed.failed === 0 ? undefined : await this.read(ref);
      if (loaded === undefined) {
        this.close();
        return;
      }
      if (loaded.forward !== undefined && this.left === undefined) this.ref = this.follow(loaded.forward);
      // Not the rest: a request sees the session as it was when it came, apart from what it writes.
      const fields = new Map(this.content.fields);
      for (const name of compared) applyChanges(fields, new Map([[name, loaded.content.fields.get(name)]]));
      this.content = { ...this.content, fields };
    }
    throw new StickyError(
      'STICKY_CONTENDED',
      `A session was changed by others ${TRIES_MAX} times while this request tried to change it. Spread its writes over more fields, or write less often.`,
    );
  }

  #notForwarded(key: string): Requirement[] {
    return this.left === undefined ? [{ kind: 'field', key, field: FORWARD_FIELD, text: undefined }] : [];
  }

  /** The session is over: ended by another request. */
  close(): void {
    this.changes.clear();
    this.closed = 'ended';
    this.ref = undefined;
    this.settings.onEvent({ type: 'endedMeanwhile' });
  }

  /** Before a new id is made. */
  checkTellable(): void {
    if (this.isAnswered) throw lateSession();
  }

  checkOpen(): void {
    if (this.closed !== undefined) throw closedSession(this.closed);
  }

  #written(changes: ReadonlyMap<string, string | undefined>): void {
    if (this.closed !== undefined) return;
    this.expiresInMs = Math.min(this.settings.idleMs, this.endsInMs);
    this.wasExtended = true;
    const fields = new Map(this.content.fields);
    applyChanges(fields, changes);
    this.content = { ...this.content, fields };
    this.#forget(changes);
  }

  /** What was set meanwhile waits for the next commit. */
  #forget(written: ReadonlyMap<string, string | undefined>): void {
    for (const [name, text] of written) if (this.changes.get(name) === text) this.changes.delete(name);
  }

  #take({ content, expiresInMs, endsInMs }: LoadedSession): void {
    this.content = content;
    this.expiresInMs = expiresInMs;
    this.endsInMs = endsInMs;
  }

  #empty(): SessionContent {
    return { user: undefined, device: undefined, absoluteMs: this.settings.absoluteMs, fields: NO_FIELDS };
  }

  async #validate(): Promise<void> {
    const { schema } = this.settings;
    if (schema === undefined) return;
    const refusal = await schemaRefusal(schema, this.merged());
    if (refusal === undefined) return;
    this.changes.clear();
    throw refusal;
  }
}

export function linkSteps(user: string | undefined, { key }: SessionRef, ttlMs: number): Step[] {
  return user === undefined ? [] : [{ kind: 'link', index: userIndex(user), member: key, ttlMs }];
}
