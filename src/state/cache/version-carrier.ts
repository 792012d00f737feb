import type { Clock } from '../../base/clock.js';
import { parseCookies } from '../../base/cookies.js';
import { badOption } from '../../base/options.js';
import type { Random } from '../../base/random.js';
import { Seen } from './seen.js';
import { VersionToken } from './version-token.js';

export interface VersionOptions {
  /**
   * `cookie` for browsers; `header` for clients that send back what they got, of several answers all, with
   * commas. `cookie` unless set.
   */
  readonly carrier?: 'cookie' | 'header' | undefined;
  /**
   * What the names of its cookies begin with, `seen` unless set; or the name of the header, `x-seen` unless
   * set.
   */
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
/**
 * A browser brings one nearly always, and one more for each answer that came at the same time. More than this
 * is somebody playing.
 */
const BROUGHT_MAX = 16;
const NONCE_CHARACTERS = 8;

interface CarrierSettings {
  readonly name: string;
  readonly keys: readonly string[];
  readonly version: VersionOptions;
  readonly boundMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Brings what a user has seen to wherever its next request goes: by a signed cookie or header, which lives
 * for some seconds. Each answer sets a cookie of its own, and takes back those whose news it has: of answers
 * to parallel requests none overwrites what another says.
 */
export class VersionCarrier {
  readonly #token: VersionToken | undefined;
  readonly #isCookie: boolean;
  readonly #name: string;
  readonly #path: string;
  readonly #boundMs: number;
  readonly #clock: Clock;
  readonly #random: Random;
  /** The names of the cookies that a request brought. */
  readonly #brought = new WeakMap<Seen, readonly string[]>();

  constructor({
    name,
    keys,
    version: { carrier = 'cookie', name: called, path = '/' },
    boundMs,
    clock,
    random,
  }: CarrierSettings) {
    if (carrier !== 'cookie' && carrier !== 'header')
      throw badOption('`version.carrier` is neither cookie nor header. Write one of them.');
    if (called !== undefined && !TOKEN_NAME.test(called))
      throw badOption(
        '`version.name` is no name of a cookie or header. Use letters, digits and hyphens, up to 64.',
      );
    if (!PATH.test(path))
      throw badOption('`version.path` must begin with a slash and have no semicolon or control character.');
    this.#token = keys.length === 0 ? undefined : new VersionToken(keys, name);
    this.#isCookie = carrier === 'cookie';
    this.#name = this.#isCookie ? (called ?? 'seen') : (called ?? 'x-seen').toLowerCase();
    this.#path = path;
    this.#boundMs = boundMs;
    this.#clock = clock;
    this.#random = random;
  }

  /** What a request's user has seen. What is missing, forged or too old counts as nothing. */
  read(field: HeaderReader): Seen {
    const token = this.#required();
    const seen = new Seen(this.#clock, this.#boundMs);
    if (this.#isCookie) {
      const cookies = [...parseCookies(field('cookie'))]
        .filter(([name]) => name.startsWith(`${this.#name}-`))
        .slice(0, BROUGHT_MAX);
      for (const [, texts] of cookies) seen.know(token.read(texts[0]!));
      this.#brought.set(
        seen,
        cookies.map(([name]) => name).filter((name) => TOKEN_NAME.test(name)),
      );
    } else {
      for (const text of (field(this.#name) ?? '').split(',', BROUGHT_MAX))
        seen.know(token.read(text.trim()));
    }
    return seen;
  }

  /**
   * The headers that bring it along, before those of the response go out; none where the client has it
   * already.
   */
  write(seen: Seen, isSecure: boolean): readonly CarriedHeader[] {
    const token = this.#required();
    if (!seen.hasNews) return [];
    const text = token.write(seen.versions);
    if (!this.#isCookie) return [{ name: this.#name, value: text }];
    const cookie = (name: string, value: string, seconds: number): CarriedHeader => ({
      name: 'Set-Cookie',
      value: `${name}=${value}; Path=${this.#path}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`,
    });
    // What is older than twice the bound tells nothing any more, so the cookie goes by itself.
    const own = cookie(
      `${this.#name}-${this.#random.id().slice(0, NONCE_CHARACTERS)}`,
      text,
      Math.ceil((2 * this.#boundMs) / 1000),
    );
    return [own, ...(this.#brought.get(seen) ?? []).map((name) => cookie(name, '', 0))];
  }

  #required(): VersionToken {
    if (this.#token !== undefined) return this.#token;
    throw badOption(
      'A version that users carry along is signed: give the cache `keys`, with a secret of 32 characters or more. Make one with: openssl rand -base64 32',
    );
  }
}
