import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type FetchImplementation,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';
import { systemClock, type Clock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import type { TokenVerifier, TokenVerifierOptions } from '../route/affinity/definition.js';
import { KEY_SET_ALGORITHMS } from '../route/affinity/jwt.js';

/** A request may be waiting for the keys. */
const FETCH_MS_MAX = 3000;
/** Unknown key ids must not make us ask the issuer more often than this. */
const FETCH_COOLDOWN_MS = 30_000;
/** Neither must an issuer that is down make every request wait for its time-out. */
const FAILED_COOLDOWN_MS = 5000;
/** After this the keys are fetched anew: a key taken out of the set stops counting. */
const KEYS_AGE_MS_MAX = 600_000;

/**
 * Checks bearer tokens with jose: the signature by one of the allowed algorithms, then issuer and audience.
 * Times are left to the caller, who may use a token again and must check them each time; jose only makes sure
 * that they are numbers.
 */
export function createTokenVerifier(
  options: TokenVerifierOptions,
  clock: Clock = systemClock,
): TokenVerifier {
  const { secret, jwks, issuer, audience } = options;
  if ((secret === undefined) === (jwks === undefined)) {
    throw new StickyError(
      'STICKY_CONFIG_INVALID',
      'A token is checked with a secret or with a key set; give exactly one of secret and jwks.',
    );
  }
  const algorithms = [...(options.algorithms ?? (secret === undefined ? KEY_SET_ALGORITHMS : ['HS256']))];
  const checks: JWTVerifyOptions = { algorithms, clockTolerance: Number.MAX_SAFE_INTEGER };
  if (issuer !== undefined) checks.issuer = issuer;
  if (audience !== undefined) checks.audience = audience;
  if (secret !== undefined) {
    const key = new TextEncoder().encode(secret);
    return async (token) => (await jwtVerify(token, key, checks)).payload;
  }
  const keys = keySet(new URL(jwks!), clock);
  return async (token) => (await jwtVerify(token, keys, checks)).payload;
}

/**
 * The keys at a URL. When they can't be fetched anew, the ones we have go on counting: an issuer's outage
 * moves no user.
 */
function keySet(url: URL, clock: Clock): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: FETCH_MS_MAX,
    cooldownDuration: FETCH_COOLDOWN_MS,
    cacheMaxAge: KEYS_AGE_MS_MAX,
    [customFetch]: patientFetch(clock),
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      const last = remote.jwks();
      if (
        last === undefined ||
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys
      )
        throw error;
      return createLocalJWKSet(last)(header, token);
    }
  };
}

/** After a failure it fails at once for a while. */
function patientFetch(clock: Clock): FetchImplementation {
  let failedAt = -Infinity;
  return async (url, init) => {
    if (clock.monotonic() - failedAt < FAILED_COOLDOWN_MS)
      throw new StickyError(
        'STICKY_TOKEN_REFUSED',
        'The key set could not be fetched a moment ago; it is asked again soon.',
      );
    try {
      const response = await fetch(url, init);
      if (response.status !== 200) failedAt = clock.monotonic();
      return response;
    } catch (error) {
      failedAt = clock.monotonic();
      throw error;
    }
  };
}
