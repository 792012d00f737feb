import { hash } from 'node:crypto';
import { renew } from './renewal.js';
import type { SessionState } from './session-state.js';
import { writeValue } from './session-value.js';

/** What Passport keeps in a session. */
export interface PassportState {
  /** What the app's `serializeUser` gave. */
  user?: unknown;
  [key: string]: unknown;
}

const FIELD = 'passport';
const ID_CHARACTERS_MAX = 256;

/**
 * Passport writes who is logged in into an object of the session's, and tells nobody. This is that object,
 * and what must happen when it has changed: a login is a login here too, under a new id and with none of
 * another user's fields, and a logout ends the session.
 */
export class PassportLogin {
  readonly #state: SessionState;
  value: PassportState | undefined;

  constructor(state: SessionState) {
    this.#state = state;
    this.value = this.#stored;
  }

  get hasChanged(): boolean {
    return this.#text !== this.#state.textOf(FIELD);
  }

  async commit(): Promise<void> {
    if (!this.hasChanged) return;
    const text = this.#text;
    const [before, after] = [userOf(this.#stored), userOf(this.value)];
    if (before !== undefined && after === undefined) return this.#state.destroy();
    this.#state.changes.set(FIELD, text);
    if (before !== after) await renew(this.#state, { user: after, device: undefined });
  }

  /** Undefined where nothing is worth keeping. */
  get #text(): string | undefined {
    const { value } = this;
    if (value === undefined || value === null || Object.keys(value).length === 0) return undefined;
    return writeValue(FIELD, value);
  }

  get #stored(): PassportState | undefined {
    const text = this.#state.textOf(FIELD);
    return text === undefined ? undefined : (JSON.parse(text) as PassportState);
  }
}

/** The id of a user of Passport's; undefined for nobody. */
function userOf(state: PassportState | undefined): string | undefined {
  const user = state?.user;
  if (user === undefined || user === null || user === false || user === '') return undefined;
  const text = typeof user === 'string' ? user : JSON.stringify(user);
  return text.length <= ID_CHARACTERS_MAX ? text : `sha256:${hash('sha256', text, 'hex')}`;
}
