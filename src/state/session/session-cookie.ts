import { cookieValues } from '../../base/cookies.js';
import { badOption, checkNames } from '../../base/options.js';

export interface SessionCookieOptions {
  /**
   * Unless set: `__Host-sid` where the cookie is Secure, at path / and without a domain, and `sid` where it
   * isn't.
   */
  readonly name?: string | undefined;
  /** `/` unless set. */
  readonly path?: string | undefined;
  readonly domain?: string | undefined;
  /** `lax` unless set. */
  readonly sameSite?: 'lax' | 'strict' | 'none' | undefined;
  /**
   * Unless set, Secure where the request came over https. Say `true` behind a proxy that the framework isn't
   * told to trust.
   */
  readonly secure?: boolean | undefined;
  /** True: it outlives the browser's window, by Max-Age. Unless set it does not. */
  readonly persistent?: boolean | undefined;
  readonly partitioned?: boolean | undefined;
}

const NAMES = {
  name: 1,
  path: 1,
  domain: 1,
  sameSite: 1,
  secure: 1,
  persistent: 1,
  partitioned: 1,
} satisfies Record<keyof SessionCookieOptions, 1>;
const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const PATH = /^\/[ -:<-~]{0,255}$/;
const DOMAIN = /^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i;
const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' };
/** A name is sent twice when it exists at two paths or domains. More than this is somebody playing. */
const DUPLICATES_MAX = 8;

/** The cookie that carries a session's id. */
export class SessionCookie {
  readonly #options: SessionCookieOptions;
  readonly #idleMs: number;
  readonly isPersistent: boolean;

  constructor(options: SessionCookieOptions, idleMs: number) {
    checkNames(options, NAMES, '`cookie`');
    const { name, path, domain, sameSite = 'lax', secure, partitioned } = options;
    for (const flag of ['secure', 'persistent', 'partitioned'] as const) {
      const value: unknown = options[flag];
      if (value !== undefined && typeof value !== 'boolean')
        throw badOption(
          `\`cookie.${flag}\` must be true or false, and is of the type ${typeof value}. A variable of the environment is text: write process.env.X === 'true'.`,
        );
    }
    for (const text of ['name', 'path', 'domain'] as const)
      if (options[text] !== undefined && typeof options[text] !== 'string')
        throw badOption(`\`cookie.${text}\` must be text.`);
    if (name !== undefined && !NAME.test(name))
      throw badOption('`cookie.name` is not a cookie name. Use letters, digits and - _ up to 64.');
    if (path !== undefined && !PATH.test(path))
      throw badOption('`cookie.path` must begin with a slash and have no semicolon or control character.');
    if (domain !== undefined && !DOMAIN.test(domain))
      throw badOption('`cookie.domain` is not a domain. Write one such as example.org.');
    if (typeof sameSite !== 'string' || !Object.hasOwn(SAME_SITE, sameSite))
      throw badOption('`cookie.sameSite` is none of lax, strict and none. Write one of them.');
    // Browsers drop such cookies; better told now than found missing then (RFC 6265bis §4.1.3, §5.7).
    if (sameSite === 'none' && secure !== true)
      throw badOption('`cookie.sameSite: none` needs `secure: true`; browsers drop the cookie otherwise.');
    if (partitioned === true && secure !== true)
      throw badOption('`cookie.partitioned` needs `secure: true`; browsers drop the cookie otherwise.');
    const prefix = /^__(host|secure)-/i.exec(name ?? '')?.[1]?.toLowerCase();
    if (prefix !== undefined && secure !== true)
      throw badOption(`A cookie named ${name} needs \`secure: true\`; browsers drop it otherwise.`);
    if (prefix === 'host' && (domain !== undefined || (path ?? '/') !== '/'))
      throw badOption(`A cookie named ${name} needs the path / and no domain; browsers drop it otherwise.`);
    this.#options = options;
    this.#idleMs = idleMs;
    this.isPersistent = options.persistent === true;
  }

  /**
   * The texts that a request's `Cookie` field has for it: one nearly always. Only the name that we would
   * write now is looked at.
   */
  find(field: string | undefined, overHttps: boolean): readonly string[] {
    const found = cookieValues(field, this.nameFor(overHttps));
    return found.length > DUPLICATES_MAX ? found.slice(0, DUPLICATES_MAX) : found;
  }

  write(text: string, overHttps: boolean): string {
    return this.#field(
      text,
      overHttps,
      this.isPersistent ? `; Max-Age=${Math.ceil(this.#idleMs / 1000)}` : '',
    );
  }

  /** Makes the browser forget it. */
  clear(overHttps: boolean): string {
    return this.#field('', overHttps, '; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
  }

  #field(text: string, overHttps: boolean, life: string): string {
    const { path = '/', domain, sameSite = 'lax', partitioned } = this.#options;
    const isSecure = this.#isSecure(overHttps);
    let field = `${this.#name(isSecure)}=${text}; Path=${path}`;
    if (domain !== undefined) field += `; Domain=${domain}`;
    field += `${life}; HttpOnly; SameSite=${SAME_SITE[sameSite]}`;
    if (isSecure) field += '; Secure';
    return partitioned === true ? `${field}; Partitioned` : field;
  }

  nameFor(overHttps: boolean): string {
    return this.#name(this.#isSecure(overHttps));
  }

  #isSecure(overHttps: boolean): boolean {
    return this.#options.secure ?? overHttps;
  }

  #name(isSecure: boolean): string {
    const { name, path = '/', domain } = this.#options;
    return name ?? (isSecure && path === '/' && domain === undefined ? '__Host-sid' : 'sid');
  }
}
