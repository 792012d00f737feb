import { z } from 'zod';
import { withoutCookies } from '../../base/cookies.js';
import { StickyError } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import type { RequestFacts } from '../facts.js';
import type { PoolSnapshot } from '../pool/snapshot.js';
import type { RuleContext, RuleDefinition } from './definition.js';
import { cookieLimit, emptyAsObject, onFailure, rehomeAfter, shorthand, tokenName } from './options.js';
import {
  EXPIRED,
  NOTHING,
  UNREADABLE,
  type Binding,
  type FailurePolicy,
  type Found,
  type Rule,
  type SharedAnswers,
} from './rule.js';
import { CookieSeal, type OpenedCookie } from './sealed-cookie.js';

/**
 * Browsers send a name twice when it exists at two paths, domains or partitions. More than this is somebody
 * playing.
 */
const DUPLICATES_MAX = 8;
/** How far the clocks of two gateways may be apart. */
const CLOCK_SKEW_MS = 60_000;
/**
 * A refresh is due after a tenth of the idle limit, at the latest after this: so an idle limit is exact to
 * the minute.
 */
const REFRESH_MS_MAX = 60_000;
const NONCES = 2 ** 32;

export interface CookieOptions {
  readonly name: string;
  readonly path: string;
  readonly domain?: string | undefined;
  readonly secure: 'auto' | 'always' | 'never';
  readonly httpOnly: boolean;
  readonly sameSite: 'lax' | 'strict' | 'none';
  readonly partitioned: boolean;
  /** Milliseconds. */
  readonly idle?: number | undefined;
  /** Milliseconds. */
  readonly absolute?: number | undefined;
  readonly sharedAnswers: SharedAnswers;
  readonly onFailure: FailurePolicy;
  /** Milliseconds. */
  readonly rehomeAfter: number;
}

const flag = () => z.boolean({ error: 'Write true or false.' });

const shape = z
  .strictObject({
    name: tokenName('cookie').default('sr'),
    path: z
      .string({ error: 'Write a path, such as /.' })
      .regex(/^\/[ -:<-~]*$/, 'Write a path that starts with / and has no semicolon or control character.')
      .default('/'),
    domain: z
      .string({ error: 'Write a domain, such as example.org.' })
      .regex(
        /^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i,
        'Write a domain, such as example.org: letters, digits, dots and hyphens.',
      )
      .optional(),
    secure: z.enum(['auto', 'always', 'never'], { error: 'Write auto, always or never.' }).default('auto'),
    httpOnly: flag().default(true),
    sameSite: z.enum(['lax', 'strict', 'none'], { error: 'Write lax, strict or none.' }).default('lax'),
    partitioned: flag().default(false),
    idle: cookieLimit().optional(),
    absolute: cookieLimit().optional(),
    sharedAnswers: z
      .enum(['unbound', 'private', 'bound'], { error: 'Write unbound, private or bound.' })
      .default('unbound'),
    onFailure: onFailure('rehome'),
    rehomeAfter: rehomeAfter(),
  })
  .superRefine((cookie, context) => {
    const problem = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    // RFC 6265bis §4.1.3: browsers drop a cookie with such a name whose attributes don't fit it; they compare
    // without case.
    const prefix = /^__(host|secure)-/i.exec(cookie.name)?.[1]?.toLowerCase();
    if (prefix !== undefined && cookie.secure !== 'always')
      problem('secure', `Write secure: always; browsers drop a cookie named ${cookie.name} without it.`);
    if (prefix === 'host' && cookie.path !== '/')
      problem('path', `Write path: / ; browsers drop a cookie named ${cookie.name} with another path.`);
    if (prefix === 'host' && cookie.domain !== undefined)
      problem('domain', `Leave the domain out; browsers drop a cookie named ${cookie.name} with one.`);
    if (cookie.sameSite === 'none' && cookie.secure !== 'always')
      problem('secure', 'Write secure: always; browsers drop a cookie with sameSite: none without it.');
    if (cookie.partitioned && cookie.secure !== 'always')
      problem('secure', 'Write secure: always; browsers drop a partitioned cookie without it.');
    if (cookie.idle !== undefined && cookie.absolute !== undefined && cookie.idle > cookie.absolute) {
      problem('idle', 'Write an idle limit no longer than the absolute one; it could never be reached.');
    }
  });

/** A sealed cookie that the gateway writes and only the gateway can read. */
export const cookie: RuleDefinition<CookieOptions> = {
  name: 'cookie',
  options: emptyAsObject(shorthand('name', shape)),
  create: (options, context) => new CookieRule(options, context),
};

class CookieRule implements Rule {
  readonly name = 'cookie';
  readonly subject: string;
  readonly onFailure: FailurePolicy;
  readonly rehomeAfterMs: number;
  readonly bindingLimits: { readonly idleMs: number; readonly absoluteMs: number };
  readonly sharedAnswers: SharedAnswers;
  readonly #options: CookieOptions;
  /**
   * What it is called over TLS. Under `secure: auto` the two have different names, because a browser that has
   * a Secure cookie takes no other of its name over plain HTTP (RFC 6265bis §5.7), and doesn't send it there:
   * a client that comes both ways would never be bound there.
   */
  readonly #nameOverTls: string;
  readonly #attributes: string;
  readonly #seal: CookieSeal;
  readonly #random: Random;

  constructor(options: CookieOptions, context: RuleContext) {
    if (context.keys.length === 0) {
      throw new StickyError(
        'STICKY_CONFIG_INVALID',
        `The cookie rule of route ${context.route} has nothing to seal with; give at least one key.`,
      );
    }
    this.subject = options.name;
    this.onFailure = options.onFailure;
    this.rehomeAfterMs = options.rehomeAfter;
    this.bindingLimits = { idleMs: options.idle ?? 0, absoluteMs: options.absolute ?? 0 };
    this.sharedAnswers = options.sharedAnswers;
    this.#options = options;
    this.#nameOverTls = options.secure === 'auto' ? `__Secure-${options.name}` : options.name;
    this.#attributes = attributes(options);
    this.#seal = new CookieSeal(context.route, context.keys);
    this.#random = context.random;
  }

  find(facts: RequestFacts, pool: PoolSnapshot): Found {
    const { name } = this.#options;
    if (!facts.line.isSecure || this.#nameOverTls === name)
      return this.#findIn(facts.cookies(name), facts, pool);
    const secure = this.#findIn(facts.cookies(this.#nameOverTls), facts, pool);
    if (secure.kind === 'bound') return secure;
    // Bound over plain HTTP: it stays where it is, and gets the cookie that belongs to TLS.
    const plain = this.#findIn(facts.cookies(name), facts, pool, true);
    return plain.kind === 'bound' || secure === NOTHING || secure === UNREADABLE ? plain : secure;
  }

  #findIn(values: readonly string[], facts: RequestFacts, pool: PoolSnapshot, moves = false): Found {
    let best = NOTHING;
    for (let at = 0; at < values.length && at < DUPLICATES_MAX; at++) {
      const found = this.#judge(values[at]!, facts.nowMs, pool, moves);
      if (found.kind === 'bound') return found;
      // A genuine cookie says more about its client than an unreadable one beside it.
      if (best === NOTHING || best === UNREADABLE) best = found;
    }
    return best;
  }

  /** It is the gateway's business, and no app's. */
  forwardCookie(field: string): string {
    const kept = withoutCookies(field, this.#options.name);
    return this.#nameOverTls === this.#options.name ? kept : withoutCookies(kept, this.#nameOverTls);
  }

  bind(facts: RequestFacts, pool: PoolSnapshot, index: number, binding?: Binding): string {
    const { nowMs } = facts;
    const { idle = 0, absolute = 0 } = this.#options;
    const isSecure = this.#options.secure === 'auto' && facts.line.isSecure;
    const name = isSecure ? this.#nameOverTls : this.#options.name;
    const issuedAtMs = binding?.issuedAtMs ?? nowMs;
    const value = this.#seal.seal(pool.upstreams[index]!.id, {
      issuedAtMs,
      nonce: binding?.nonce ?? this.#random.below(NONCES),
      refreshedAtMs: nowMs,
      idleMs: idle,
      absoluteMs: absolute,
      incarnation: 0,
    });
    let text = `${name}=${value}${this.#attributes}`;
    const lifeMs = stricter(idle, absolute === 0 ? 0 : Math.max(1, issuedAtMs + absolute - nowMs));
    if (lifeMs !== 0) text += `; Max-Age=${Math.ceil(lifeMs / 1000)}`;
    return isSecure ? `${text}; Secure` : text;
  }

  #judge(value: string, nowMs: number, pool: PoolSnapshot, moves: boolean): Found {
    const cookie = this.#seal.open(value);
    if (cookie === undefined) return UNREADABLE;
    const latestMs = nowMs + CLOCK_SKEW_MS;
    if (cookie.issuedAtMs > latestMs || cookie.refreshedAtMs > latestMs) return UNREADABLE;
    const idleMs = stricter(cookie.idleMs, this.#options.idle ?? 0);
    if (idleMs !== 0 && nowMs - cookie.refreshedAtMs > idleMs) return EXPIRED;
    const absoluteMs = stricter(cookie.absoluteMs, this.#options.absolute ?? 0);
    if (absoluteMs !== 0 && nowMs - cookie.issuedAtMs > absoluteMs) return EXPIRED;
    const index = this.#seal.upstreamIndex(cookie, pool);
    if (index === undefined) return { kind: 'gone', binding: cookie };
    const isDue = moves || isRefreshDue(cookie, idleMs, nowMs);
    return { kind: 'bound', index, binding: cookie, isRefreshDue: isDue };
  }

  /** Without an idle limit nothing is refreshed, and so nothing is known. */
  quietMs({ idleMs, refreshedAtMs }: Binding, nowMs: number): number {
    return idleMs === 0 ? 0 : Math.max(0, nowMs - refreshedAtMs - refreshMs(idleMs));
  }
}

/** Also when an older secret sealed it: that one is about to be taken away. */
function isRefreshDue(cookie: OpenedCookie, idleMs: number, nowMs: number): boolean {
  if (cookie.secretIndex !== 0) return true;
  return idleMs !== 0 && nowMs - cookie.refreshedAtMs > refreshMs(idleMs);
}

function refreshMs(idleMs: number): number {
  return Math.min(idleMs / 10, REFRESH_MS_MAX);
}

/** The smaller of two limits, where 0 is none. */
function stricter(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : Math.min(a, b);
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' };

/** What every Set-Cookie of the rule ends in. Max-Age, and Secure by `auto`, come behind it. */
function attributes(options: CookieOptions): string {
  let text = `; Path=${options.path}`;
  if (options.domain !== undefined) text += `; Domain=${options.domain}`;
  if (options.httpOnly) text += '; HttpOnly';
  text += `; SameSite=${SAME_SITE[options.sameSite]}`;
  if (options.secure === 'always') text += '; Secure';
  return options.partitioned ? `${text}; Partitioned` : text;
}
