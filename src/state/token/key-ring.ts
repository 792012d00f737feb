import type { JsonWebKey } from 'node:crypto';
import { badOption } from '../../base/options.js';
import { misused } from './token-error.js';
import { publicJwk, readKey, type TokenKey, type TokenKeyOptions } from './token-key.js';

const KEYS_MAX = 100;

/** What others verify by: a JSON Web Key Set (RFC 7517 §5). */
export interface PublishedKeys {
  readonly keys: readonly JsonWebKey[];
}

/** All keys at one time. Every one verifies; one signs. */
export class KeyRing {
  readonly published: PublishedKeys;
  readonly #keys: readonly TokenKey[];
  readonly #byId: ReadonlyMap<string, TokenKey>;

  constructor(options: readonly TokenKeyOptions[]) {
    if (!Array.isArray(options) || options.length === 0 || options.length > KEYS_MAX)
      throw badOption(
        `\`keys\` must be a list of 1 to ${KEYS_MAX} keys, such as [{ id: '1', alg: 'HS256', secret }].`,
      );
    this.#keys = options.map(readKey);
    this.#byId = new Map(this.#keys.map((key) => [key.id, key]));
    const twice = this.#keys.find((key) => this.#byId.get(key.id) !== key);
    if (twice !== undefined) throw badOption(`Two keys have the id "${twice.id}". Give each its own.`);
    this.published = { keys: this.#keys.map(publicJwk).filter((jwk) => jwk !== undefined) };
  }

  /** The key that a header names. What else the header says of it is not asked. */
  find(id: string): TokenKey | undefined {
    return this.#byId.get(id);
  }

  /** Of those whose `signsFrom` has come, the last to; the first in the list where none says. */
  signer(nowMs: number): TokenKey & { readonly signing: NonNullable<TokenKey['signing']> } {
    let chosen: TokenKey | undefined;
    for (const key of this.#keys) {
      if (key.signing === undefined || key.signsFromMs > nowMs) continue;
      if (chosen === undefined || key.signsFromMs > chosen.signsFromMs) chosen = key;
    }
    if (chosen?.signing === undefined)
      throw misused(
        'No key can sign now: give one with a secret or a privateKey, and without a `signsFrom` that is yet to come.',
      );
    return chosen as TokenKey & { signing: NonNullable<TokenKey['signing']> };
  }
}
