import { eventTeller } from '../../base/app-callback.js';
import { systemClock, type Clock } from '../../base/clock.js';
import { DAY_MS } from '../../base/duration.js';
import { badOption, checkNames, readDuration, readFunction, type Duration } from '../../base/options.js';
import { systemRandom, type Random } from '../../base/random.js';
import { givenStore } from '../store/given-store.js';
import type { Store } from '../store/store.js';
import { isName } from './token-claims.js';
import { tokenWarning, type TokenEvent } from './token-event.js';
import type { TokenKeyOptions } from './token-key.js';

export interface TokenOptions {
  /** Every one verifies; the first signs, unless `signsFrom` says otherwise. */
  readonly keys: readonly TokenKeyOptions[];
  /** The `iss` of every token, such as `https://auth.example.org`. */
  readonly issuer: string;
  /** For whom tokens are (`aud`): `issue` names all of these, `verify` wants one of them. */
  readonly audience: string | readonly string[];
  /** Holds revocations and refresh tokens. Every process that verifies shares it. */
  readonly store: Store;
  /** How long a token lives: `10m` unless set. */
  readonly ttl?: Duration | undefined;
  /**
   * The longest life that `verify` accepts, and so how long revocations are kept: `ttl` unless set. When you
   * make `ttl` shorter, leave this at the old value until the tokens with the longer life are over.
   */
  readonly ttlMax?: Duration | undefined;
  /**
   * The `typ` of every token: `at+jwt` (RFC 9068) unless set. Another for each kind of token keeps one from
   * passing as the other.
   */
  readonly type?: string | undefined;
  /** Refresh tokens: given out by `issue` where this is set; `{}` will do. */
  readonly refresh?: RefreshOptions | undefined;
  /** How late a revocation may reach a process, at most: `1s` unless set. */
  readonly bound?: Duration | undefined;
  /**
   * What becomes of a token when this process can't be sure to know all revocations up to `bound` ago: `ask`
   * the store (the default), `reject` it with `STICKY_STORE_DOWN`, or `accept` it unless it is known to be
   * revoked.
   */
  readonly onUncertain?: 'ask' | 'reject' | 'accept' | undefined;
  /** How far the clocks of two machines may be apart: `5s` unless set, at most `1m`. */
  readonly tolerance?: Duration | undefined;
  /** How many verified tokens are remembered at most: 10 000 unless set. */
  readonly remembered?: number | undefined;
  /** What is worth a line in the log. Warnings of the process unless set. */
  readonly onEvent?: ((event: TokenEvent) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface RefreshOptions {
  /** Ends a family that nobody refreshed for so long: `7d` unless set. */
  readonly idle?: Duration | undefined;
  /** Ends a family so long after its login, used or not: `30d` unless set. */
  readonly absolute?: Duration | undefined;
  /**
   * How long a refresh token that was used leads to its successor: `10s` unless set. After that its use ends
   * the family.
   */
  readonly grace?: Duration | undefined;
}

export interface RefreshSettings {
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly graceMs: number;
}

/** The options as the rest of the library uses them. */
export interface TokenSettings {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly store: Store;
  readonly ttlMs: number;
  readonly lifeMsMax: number;
  readonly type: string;
  readonly refresh: RefreshSettings | undefined;
  readonly boundMs: number;
  readonly onUncertain: 'ask' | 'reject' | 'accept';
  readonly toleranceMs: number;
  /**
   * After so long no token that was issued before can pass: the longest life, the tolerance of who verifies,
   * and the tolerance between the clocks of who issued and who verifies. A second for what the store rounds.
   */
  readonly outlivedMs: number;
  readonly remembered: number;
  readonly onEvent: (event: TokenEvent) => void;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES = {
  keys: 1,
  issuer: 1,
  audience: 1,
  store: 1,
  ttl: 1,
  ttlMax: 1,
  type: 1,
  refresh: 1,
  bound: 1,
  onUncertain: 1,
  tolerance: 1,
  remembered: 1,
  onEvent: 1,
  clock: 1,
  random: 1,
} satisfies Record<keyof TokenOptions, 1>;
const REFRESH_NAMES = { idle: 1, absolute: 1, grace: 1 } satisfies Record<keyof RefreshOptions, 1>;
const TTL_MS_MAX = 31 * DAY_MS;
const REMEMBERED_MAX = 1_000_000;
const UNCERTAIN = ['ask', 'reject', 'accept'];

export function readTokenOptions(options: TokenOptions): TokenSettings {
  checkNames(options, NAMES, 'createTokens');
  const {
    issuer,
    store,
    ttl = '10m',
    type = 'at+jwt',
    bound = '1s',
    onUncertain = 'ask',
    tolerance = '5s',
    remembered = 10_000,
    clock = systemClock,
    random = systemRandom,
  } = options;
  givenStore(store);
  if (!isName(issuer))
    throw badOption(
      '`issuer` is missing. Write the text that stands in `iss`, such as https://auth.example.org.',
    );
  const audience: unknown = typeof options.audience === 'string' ? [options.audience] : options.audience;
  if (!Array.isArray(audience) || audience.length === 0 || !audience.every(isName))
    throw badOption('`audience` is missing. Write for whom the tokens are, such as https://api.example.org.');
  if (typeof type !== 'string' || !/^[\w!#$&^.+-]+(\/[\w!#$&^.+-]+)?$/.test(type))
    throw badOption('`type` is no media type. Write one such as at+jwt.');
  if (!UNCERTAIN.includes(onUncertain))
    throw badOption('`onUncertain` is none of ask, reject and accept. Write one of them.');
  if (!(Number.isInteger(remembered) && remembered >= 1 && remembered <= REMEMBERED_MAX))
    throw badOption(`\`remembered\` must be a whole number from 1 to ${REMEMBERED_MAX}.`);
  // Tokens have whole seconds.
  const ttlMs = Math.floor(readDuration('ttl', ttl, 1_000, TTL_MS_MAX) / 1_000) * 1_000;
  const { ttlMax = ttlMs } = options;
  const lifeMsMax = readDuration('ttlMax', ttlMax, 1_000, TTL_MS_MAX);
  if (lifeMsMax < ttlMs)
    throw badOption(
      '`ttlMax` is shorter than `ttl`, so no token would pass. Write a longer `ttlMax`, or leave it out.',
    );
  const toleranceMs = readDuration('tolerance', tolerance, 0, 60_000);
  return {
    issuer,
    audience: [...audience],
    store,
    ttlMs,
    lifeMsMax,
    type,
    refresh: options.refresh === undefined ? undefined : readRefresh(options.refresh),
    boundMs: readDuration('bound', bound, 100, 60_000),
    onUncertain,
    toleranceMs,
    outlivedMs: lifeMsMax + 2 * toleranceMs + 1_000,
    remembered,
    onEvent: eventTeller(readFunction('onEvent', options.onEvent), tokenWarning, clock),
    clock,
    random,
  };
}

function readRefresh(refresh: RefreshOptions): RefreshSettings {
  checkNames(refresh, REFRESH_NAMES, '`refresh`');
  const { idle = '7d', absolute = '30d', grace = '10s' } = refresh;
  const idleMs = readDuration('refresh.idle', idle, 1_000, 400 * DAY_MS);
  const absoluteMs = readDuration('refresh.absolute', absolute, 1_000, 400 * DAY_MS);
  if (idleMs > absoluteMs)
    throw badOption(
      '`refresh.idle` is longer than `refresh.absolute` and could never be reached. Write a shorter `idle`, or a longer `absolute`.',
    );
  const graceMs = readDuration('refresh.grace', grace, 1_000, 300_000);
  return { idleMs, absoluteMs, graceMs };
}
