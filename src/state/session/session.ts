import { StickyError } from '../../base/errors.js';
import { checkNames } from '../../base/options.js';
import { Operation } from './operation.js';
import { PassportLogin, type PassportState } from './passport-login.js';
import { refuseAssignments } from './refused-assignments.js';
import { renew } from './renewal.js';
import { refText } from './session-id.js';
import type { SessionState } from './session-state.js';
import { writeValue } from './session-value.js';

const NAME_CHARACTERS_MAX = 128;

declare global {
  namespace Stickyroute {
    /**
     * The fields that an app keeps in its sessions. Add them here, and `request.session` is typed in every
     * framework.
     */
    interface SessionFields {}
  }
}

export type SessionFields = Stickyroute.SessionFields;

/** As express-session calls back. */
export type SessionCallback = (error?: unknown) => void;

const LOGIN_NAMES = { device: 1 };

/**
 * One request's session. `get`, `set`, `delete` and `clear` work on what was read when the request came; what
 * was set is stored before the response's headers go out. The others talk to the store at once.
 */
export class Session<Fields extends object = SessionFields> {
  readonly #state: SessionState;
  /** Values as they were parsed, by the text that they were parsed from. */
  #parsed: Map<string, { text: string; value: unknown }> | undefined;
  /** Operations run one after another, also those nobody waits for. */
  #tail: Promise<void> | undefined;
  #waiting = 0;
  /** The first that failed. */
  #failed: { readonly operation: Operation<unknown>; readonly error: unknown } | undefined;
  #isStoringLate = false;
  #passport: PassportLogin | undefined;

  constructor(state: SessionState) {
    this.#state = state;
  }

  /** Who is logged in; undefined for an anonymous session. */
  get userId(): string | undefined {
    return this.#state.content.user;
  }

  /** True while nothing is stored: a client without a session, or whose session is over. */
  get isNew(): boolean {
    return this.#state.ref === undefined;
  }

  /** True when another request ended the session while this one was at work: nothing more is stored. */
  get isEnded(): boolean {
    return this.#state.closed === 'ended';
  }

  /** Its name in `ofUser`'s list; undefined while nothing is stored. */
  get ref(): string | undefined {
    return this.#state.ref === undefined ? undefined : refText(this.#state.ref);
  }

  /** A field's value, or undefined. It is frozen: change a copy, and `set` that. */
  get<Name extends keyof Fields & string>(name: Name): Fields[Name] | undefined {
    const text = this.#state.textOf(name);
    if (text === undefined) return undefined;
    const known = this.#parsed?.get(name);
    if (known?.text === text) return known.value as Fields[Name];
    const value = parse(text);
    // The same object each time. Plain values are alike anyway.
    if (typeof value === 'object' && value !== null) (this.#parsed ??= new Map()).set(name, { text, value });
    return value as Fields[Name];
  }

  /** All fields, as a new object. */
  all(): Partial<Fields> {
    const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const name of this.#state.merged().keys()) fields[name] = this.get(name as keyof Fields & string);
    return fields as Partial<Fields>;
  }

  /**
   * Throws `STICKY_SESSION_TOO_LARGE` when all fields together would exceed `bytesMax`, and then changes
   * nothing.
   */
  set<Name extends keyof Fields & string>(name: Name, value: Fields[Name]): this {
    if (value === undefined) return this.delete(name);
    const text = this.#checked(name, value);
    if (this.#state.isAnswered) this.#storeLate();
    this.#state.changes.set(name, text);
    return this;
  }

  delete(name: keyof Fields & string): this {
    if (this.#state.textOf(name) === undefined) return this;
    if (this.#state.isAnswered) this.#storeLate();
    this.#state.changes.set(name, undefined);
    return this;
  }

  /** Deletes every field that this request knows of. Who is logged in stays so. */
  clear(): this {
    for (const name of this.#state.merged().keys()) this.delete(name as keyof Fields & string);
    return this;
  }

  /**
   * Makes a field from what it is now, atomically: of parallel requests that do so none is lost. `make` may
   * be called several times, so it must do nothing else, and must not wait for anything. Resolves to the new
   * value, which is stored by then; rejects with `STICKY_SESSION_ENDED` after a logout.
   */
  update<Name extends keyof Fields & string>(
    name: Name,
    make: (value: Fields[Name] | undefined) => Fields[Name] | undefined,
  ): Promise<Fields[Name] | undefined> {
    if (typeof make !== 'function')
      throw misused(`update('${name}', …) takes a function that makes the new value from the old one.`);
    return this.#run(async () => {
      await this.#state.update(name, (text) => {
        const value: unknown = make(text === undefined ? undefined : (parse(text) as Fields[Name]));
        return value === undefined ? undefined : this.#checked(name, value);
      });
      return this.get(name);
    });
  }

  /** Goes on under a new id. The old one leads there for some seconds. */
  regenerate(): Promise<void>;
  regenerate(callback: SessionCallback): this;
  regenerate(callback?: SessionCallback): Promise<void> | this {
    return this.#call('regenerate', callback, () =>
      renew(this.#state, { user: this.#state.content.user, device: undefined }),
    );
  }

  /**
   * Logs a user in: under a new id, listed by `ofUser`. What an anonymous session held stays; another user's
   * fields do not.
   */
  login(userId: string, options: { readonly device?: unknown } = {}): Promise<void> {
    return this.#run(async () => {
      if (typeof userId !== 'string' || userId === '' || userId.length > 256)
        throw misused('A user id must be a text of 1 to 256 characters. Turn a number into text.');
      checkNames(options, LOGIN_NAMES, "login()'s second argument", 'STICKY_SESSION_INVALID');
      const { device } = options;
      const text = device === undefined ? undefined : this.#checked('device', device);
      await renew(this.#state, { user: userId, device: text });
    });
  }

  /** Ends it: on the server, and in the browser. Nothing in flight brings it back. */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): this;
  destroy(callback?: SessionCallback): Promise<void> | this {
    return this.#call('destroy', callback, () => this.#state.destroy());
  }

  /**
   * Stores what was set, now. Otherwise that happens before the headers go out. Rejects with
   * `STICKY_SESSION_ENDED` after a logout.
   */
  save(): Promise<void>;
  save(callback: SessionCallback): this;
  save(callback?: SessionCallback): Promise<void> | this {
    return this.#call('save', callback, async () => {
      await this.commit();
      this.#state.checkOpen();
    });
  }

  /** Reads it again from the store; what was set and not stored is forgotten. */
  reload(): Promise<void>;
  reload(callback: SessionCallback): this;
  reload(callback?: SessionCallback): Promise<void> | this {
    return this.#call('reload', callback, () => this.#state.reload());
  }

  /** Does nothing: using a session extends it. For code that was written for express-session. */
  touch(): this {
    return this;
  }

  /**
   * What Passport keeps of who is logged in, as an object that Passport changes. Who it says is logged in is
   * logged in here, too, as by `login`: under a new id, and listed by `ofUser`.
   */
  get passport(): PassportState | undefined {
    return (this.#passport ??= new PassportLogin(this.#state)).value;
  }

  set passport(value: PassportState | undefined) {
    (this.#passport ??= new PassportLogin(this.#state)).value = value;
  }

  /** Stores what was set. Not for apps: whoever sends the headers calls it. */
  async commit(): Promise<void> {
    if (this.#passport !== undefined) await this.#passport.commit();
    await this.#state.commit();
  }

  /** True where `commit` has something to do. Not for apps. */
  get hasChanges(): boolean {
    return this.#state.hasChanges || this.#passport?.hasChanged === true;
  }

  /** True while an operation has not come to its end. Not for apps: whoever sends the headers asks. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /** True where an operation failed and nobody has heard of it. Not for apps. */
  get hasFailed(): boolean {
    return this.#failed?.operation.isHeard === false;
  }

  /** Throws what an operation failed with that nobody has heard of. Not for apps. */
  checkHeard(): void {
    if (this.hasFailed) throw this.#failed!.error;
  }

  /** Waits for operations that were begun, awaited or not. Not for apps. */
  async settled(): Promise<void> {
    while (this.#waiting > 0) await this.#tail;
  }

  #run<T>(work: () => Promise<T>): Operation<T> {
    this.#waiting++;
    const done = (this.#tail ?? Promise.resolve()).then(work);
    const operation = new Operation<T>((resolve, reject) => done.then(resolve, reject));
    this.#tail = operation
      .watch((error) => {
        this.#failed ??= { operation, error };
        if (this.#state.isAnswered && !operation.isHeard)
          this.#state.settings.onEvent({ type: 'lost', error });
      })
      .then(() => void this.#waiting--);
    return operation;
  }

  /** With a callback, as express-session has it, or with a promise. */
  #call(
    name: string,
    callback: SessionCallback | undefined,
    work: () => Promise<void>,
  ): Promise<void> | this {
    if (callback === undefined) return this.#run(work);
    if (typeof callback !== 'function')
      throw misused(`${name}() takes nothing, or a function to call back. Write: await session.${name}()`);
    // Outside of any promise: what a callback throws is the app's.
    this.#run(work).then(
      () => queueMicrotask(() => callback()),
      (error: unknown) => queueMicrotask(() => callback(error)),
    );
    return this;
  }

  /** What is set when the headers are out is stored at once: nobody comes to do it later. */
  #storeLate(): void {
    if (this.#state.ref === undefined && this.#state.closed === undefined) this.#state.checkTellable();
    if (this.#isStoringLate) return;
    this.#isStoringLate = true;
    queueMicrotask(() => {
      this.#isStoringLate = false;
      if (this.hasChanges) void this.#run(() => this.commit());
    });
  }

  #checked(name: string, value: unknown): string {
    if (typeof name !== 'string' || name === '' || name.length > NAME_CHARACTERS_MAX) {
      throw new StickyError(
        'STICKY_SESSION_INVALID',
        `A field's name must be a text of 1 to ${NAME_CHARACTERS_MAX} characters.`,
      );
    }
    const text = writeValue(name, value);
    const { bytesMax } = this.#state.settings;
    const bytes = Buffer.byteLength(text) + Buffer.byteLength(name) + this.#state.bytesBeside(name);
    if (bytes > bytesMax) {
      throw new StickyError(
        'STICKY_SESSION_TOO_LARGE',
        `With the field "${name}" the session would have ${bytes} bytes, and ${bytesMax} is its most. Keep large data elsewhere and its key in the session, or raise \`bytesMax\`.`,
      );
    }
    return text;
  }
}

function misused(message: string): StickyError {
  return new StickyError('STICKY_SESSION_INVALID', message);
}

/** Undefined for what is not JSON: something else wrote it. */
function parse(text: string): unknown {
  try {
    return deepFreeze(JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

refuseAssignments(Session.prototype);
