import { StickyError } from '../../base/errors.js';
import { renew } from './renewal.js';
import { refText } from './session-id.js';
import type { SessionState } from './session-state.js';

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
    this.#state.changes.set(name, this.#checked(name, value));
    return this;
  }

  delete(name: keyof Fields & string): this {
    if (this.#state.textOf(name) !== undefined) this.#state.changes.set(name, undefined);
    return this;
  }

  /** Deletes every field that this request knows of. Who is logged in stays so. */
  clear(): this {
    for (const name of this.#state.merged().keys()) this.#state.changes.set(name, undefined);
    return this;
  }

  /**
   * Makes a field from what it is now, atomically: of parallel requests that do so none is lost. `make` may
   * be called several times, so it must do nothing else. Resolves to the new value, which is stored by then;
   * rejects with `STICKY_SESSION_ENDED` after a logout.
   */
  async update<Name extends keyof Fields & string>(
    name: Name,
    make: (value: Fields[Name] | undefined) => Fields[Name] | undefined,
  ): Promise<Fields[Name] | undefined> {
    await this.#run(() =>
      this.#state.update(name, (text) => {
        const value = make(text === undefined ? undefined : (parse(text) as Fields[Name]));
        return value === undefined ? undefined : this.#checked(name, value);
      }),
    );
    return this.get(name);
  }

  /** Goes on under a new id. The old one leads there for some seconds. */
  async regenerate(): Promise<void> {
    await this.#run(() => renew(this.#state, { user: this.#state.content.user, device: undefined }));
  }

  /**
   * Logs a user in: under a new id, listed by `ofUser`. What an anonymous session held stays; another user's
   * fields do not.
   */
  async user(id: string, { device }: { readonly device?: unknown } = {}): Promise<void> {
    if (typeof id !== 'string' || id === '' || id.length > 256)
      throw new StickyError(
        'STICKY_SESSION_INVALID',
        'A user id must be a text of 1 to 256 characters. Turn a number into text.',
      );
    const text = device === undefined ? undefined : this.#checked('device', device);
    await this.#run(() => renew(this.#state, { user: id, device: text }));
  }

  /** Ends it: on the server, and in the browser. Nothing in flight brings it back. */
  async destroy(): Promise<void> {
    await this.#run(() => this.#state.destroy());
  }

  /**
   * Stores what was set, now. Otherwise that happens before the headers go out. Rejects with
   * `STICKY_SESSION_ENDED` after a logout.
   */
  async save(): Promise<void> {
    await this.#run(() => this.#state.commit());
    this.#state.checkOpen();
  }

  /** True while an operation has not come to its end. Not for apps: whoever sends the headers asks. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /** Waits for operations that were begun, awaited or not. Not for apps. */
  async settled(): Promise<void> {
    while (this.#waiting > 0) await this.#tail;
  }

  #run(operation: () => Promise<void>): Promise<void> {
    this.#waiting++;
    const done = (this.#tail ?? Promise.resolve()).then(operation).finally(() => void this.#waiting--);
    this.#tail = done.catch(() => {});
    return done;
  }

  #checked(name: string, value: unknown): string {
    if (typeof name !== 'string' || name === '' || name.length > NAME_CHARACTERS_MAX) {
      throw new StickyError(
        'STICKY_SESSION_INVALID',
        `A field's name must be a text of 1 to ${NAME_CHARACTERS_MAX} characters.`,
      );
    }
    const text = stringify(name, value);
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

function stringify(name: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new StickyError(
      'STICKY_SESSION_INVALID',
      `The value of the session's field "${name}" can't be written as JSON: it refers to itself, or holds a BigInt.`,
      { cause },
    );
  }
  if (text === undefined)
    throw new StickyError(
      'STICKY_SESSION_INVALID',
      `The value of the session's field "${name}" can't be written as JSON. Store plain data: text, numbers, true, false, null, lists and objects.`,
    );
  return text;
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
