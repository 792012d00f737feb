import type { Clock } from '../../base/clock.js';
import { parseCookies } from '../../base/cookies.js';
import { StickyError } from '../../base/errors.js';
import { Seen } from './seen.js';
import { VersionToken } from './version-token.js';

export interface VersionOptions {
  /** `cookie` for browsers, `header` for clients that send back what they got. `cookie` unless set. */
  readonly carrier?: 'cookie' | 'header' | undefined;
  /** The name of either: `seen` for the cookie and `x-seen` for the header unless set. */
  readonly name?: string | undefined;
  /** Of the cookie, `/` unless set. */
  readonly path?: string | undefined;
}

/** What the carrier needs of a request. `field` gives the value of a header by its name in small letters. */
export type HeaderReader = (name: string) => string | undefined;

/** A header to put on a response. */
export interface CarriedHeader {
  readonly name: 'Set-Cookie' | (string & {});
  readonly value: string;
}

const TOKEN_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const PATH = /^\/[ -:<-~]{0,255}$/;
/** A name is sent twice when it exists at two paths or domains. More than this is somebody playing. */
const DUPLICATES_MAX = 4;

interface CarrierSettings {
  readonly name: string;
  readonly keys: readonly string[];
  readonly version: VersionOptions;
  readonly boundMs: number;
  readonly clock: Clock;
}

/** Brings what a user has seen to wherever its next request goes: a signed cookie or header, which lives for some seconds. */
export class VersionCarrier {
  readonly #token: VersionToken | undefined;
  readonly #isCookie: boolean;
  readonly #name: string;
  readonly #path: string;
  readonly #boundMs: number;
  readonly #clock: Clock;

  constructor({ name, keys, version: { carrier = 'cookie', name: called, path = '/' }, boundMs, clock }: CarrierSettings) {
    if (carrier !== 'cookie' && carrier !== 'header') throw invalid('`version.carrier` is neither cookie nor header. Write one of them.');
    if (called !== undefined && !TOKEN_NAME.test(called)) throw invalid('`version.name` is no name of a cookie or header. Use letters, digits and hyphens, up to 64.');
    if (!PATH.test(path)) throw invalid('`version.path` must begin with a slash and have no semicolon or control character.');
    this.#token = keys.length === 0 ? undefined : new VersionToken(keys, name);
    this.#isCookie = carrier === 'cookie';
    this.#name = this.#isCookie ? called ?? 'seen' : (called ?? 'x-seen').toLowerCase();
    this.#path = path;
    this.#boundMs = boundMs;
    this.#clock = clock;
  }

  /** What a request's user has seen. What is missing, forged or too old counts as nothing. */
  read(field: HeaderReader): Seen {
    const token = this.#required();
    const texts = this.#isCookie ? (parseCookies(field('cookie')).get(this.#name) ?? []).slice(0, DUPLICATES_MAX) : [field(this.#name) ?? ''];
    const seen = new Seen(this.#clock, this.#boundMs);
    // All of them: which of two cookies is the newer one can't be told, and more than was seen does no harm.
    for (const text of texts) seen.know(token.read(text));
    return seen;
  }

  /** The header that brings it along, before the response's headers go out; undefined where the client has it already. */
  write(seen: Seen, isSecure: boolean): CarriedHeader | undefined {
    const token = this.#required();
    if (!seen.hasNews) return undefined;
    const text = token.write(seen.versions);
    if (!this.#isCookie) return { name: this.#name, value: text };
    // What is older than twice the bound tells nothing any more, so the cookie goes by itself.
    const seconds = Math.ceil((2 * this.#boundMs) / 1000);
    return { name: 'Set-Cookie', value: `${this.#name}=${text}; Path=${this.#path}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}` };
  }

  #required(): VersionToken {
    if (this.#token !== undefined) return this.#token;
    throw invalid('A version that users carry along is signed: give the cache `keys`, with a secret of 32 characters or more. Make one with: openssl rand -base64 32');
  }
}

function invalid(message: string): StickyError {
  return new StickyError('STICKY_CONFIG_INVALID', message);
}
