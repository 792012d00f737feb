import { z } from 'zod';
import type { RequestFacts } from '../facts.js';
import type { PoolSnapshot } from '../pool/snapshot.js';
import { replaceCookies } from '../../base/cookies.js';
import type { AcceptedCookie } from './accepted/format.js';
import { cookieFormats } from './accepted/registry.js';
import type { RuleDefinition } from './definition.js';
import { instant, onFailure } from './options.js';
import { NOTHING, UNREADABLE, type FailurePolicy, type Found, type Rule } from './rule.js';

/** As for the sealed cookie: more of one name is somebody playing. */
const DUPLICATES_MAX = 8;
/** Browsers keep no more of a name and its value (RFC 6265bis §5.6). */
const VALUE_CHARS_MAX = 4096;
const FORMATS_MAX = 16;

/** One entry of `formats:`: a single key, the format's name. */
type WrittenFormat = Readonly<Record<string, unknown>>;

export interface AcceptCookiesOptions {
  /** Milliseconds since 1970; from then on the rule finds nothing. */
  readonly until?: number | undefined;
  readonly formats: readonly WrittenFormat[];
  readonly onFailure: FailurePolicy;
}

const NAMES = cookieFormats.map(({ name }) => name).join(', ');
const LIST = `Write a list of the cookies to accept, such as [{ haproxy: SERVERID }]. The formats are ${NAMES}.`;

const format: z.ZodType<WrittenFormat> = z
  .strictObject(Object.fromEntries(cookieFormats.map(({ name, options }) => [name, options.optional()])), {
    error: (issue) =>
      issue.code === 'invalid_type'
        ? `Write one format and its options, such as haproxy: SERVERID. The formats are ${NAMES}.`
        : undefined,
  })
  .refine((entry) => chosen(entry).length === 1, {
    error: `Write exactly one format an entry: ${NAMES}.`,
    when: ({ issues }) => issues.length === 0,
  });

const shape: z.ZodType<AcceptCookiesOptions> = z.strictObject({
  until: instant().optional(),
  formats: z
    .array(format, { error: LIST })
    .min(1, LIST)
    .max(FORMATS_MAX, `Write at most ${FORMATS_MAX} formats.`),
  onFailure: onFailure('rehome'),
});

/**
 * Cookies that other balancers wrote, so that a move from them logs nobody out. Their users are handed over
 * to a rule in front that binds.
 */
export const acceptCookies: RuleDefinition<AcceptCookiesOptions> = {
  name: 'acceptCookies',
  options: shape,
  handsOver: true,
  create: (options) => new AcceptCookiesRule(options),
};

class AcceptCookiesRule implements Rule {
  readonly name = 'acceptCookies';
  readonly subject: string;
  readonly onFailure: FailurePolicy;
  forwardCookie?: (field: string, pool: PoolSnapshot) => string;
  readonly #untilMs: number;
  readonly #cookies: readonly AcceptedCookie[];

  constructor({ until, formats, onFailure }: AcceptCookiesOptions) {
    this.#untilMs = until ?? Infinity;
    this.#cookies = formats.map(createCookie);
    this.subject = [...new Set(this.#cookies.map(({ name }) => name))].join(', ');
    this.onFailure = onFailure;
    if (this.#cookies.some(({ appValue }) => appValue !== undefined))
      this.forwardCookie = this.#forwardCookie;
  }

  find(facts: RequestFacts, pool: PoolSnapshot): Found {
    if (facts.nowMs >= this.#untilMs) return NOTHING;
    let best = NOTHING;
    for (const cookie of this.#cookies) {
      for (const value of valuesOf(cookie, facts)) {
        if (value === '') continue;
        const found = value.length > VALUE_CHARS_MAX ? UNREADABLE : cookie.read(value, pool, facts.nowMs);
        if (found.kind === 'bound') return found;
        // What can be read says more about its client than what can't.
        if (best === NOTHING || (best === UNREADABLE && found !== NOTHING)) best = found;
      }
    }
    return best;
  }

  /**
   * Also after `until`: the app's own session is in that cookie, and the app never wrote what stands before
   * it.
   */
  #forwardCookie(field: string, pool: PoolSnapshot): string {
    let text = field;
    for (const cookie of this.#cookies) {
      if (cookie.appValue !== undefined)
        text = replaceCookies(text, cookie.name, (value) => cookie.appValue!(value, pool));
    }
    return text;
  }
}

function createCookie(written: WrittenFormat): AcceptedCookie {
  const [name, options] = chosen(written)[0]!;
  return cookieFormats.find((format) => format.name === name)!.create(options);
}

function chosen(written: WrittenFormat): [name: string, options: unknown][] {
  return Object.entries(written).filter(([, options]) => options !== undefined);
}

function valuesOf({ name, pathParameter }: AcceptedCookie, facts: RequestFacts): readonly string[] {
  const values = facts.cookies(name).slice(0, DUPLICATES_MAX);
  const parameter = pathParameter === undefined ? undefined : parameterIn(facts.path, pathParameter);
  return parameter === undefined ? values : [parameter, ...values];
}

/** `;name=value` in a path (RFC 3986 §3.3), up to what ends it. */
function parameterIn(path: string, name: string): string | undefined {
  const at = path.indexOf(`;${name}=`);
  return at === -1 ? undefined : /^[^;/]*/.exec(path.slice(at + name.length + 2))![0];
}
