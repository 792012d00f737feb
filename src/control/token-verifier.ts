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
import { badOption } from '../base/options.js';
import { readSignedText } from '../base/signed-text.js';
import { isPublicSecret } from '../base/signing-key.js';
import type { TokenVerifier, TokenVerifierOptions } from '../route/affinity/definition.js';
import { defaultAlgorithms, secretBytesMin } from '../route/affinity/jwt.js';
import { readKeySet } from './key-set.js';

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
    throw badOption(
      'A token is checked with a secret or with a key set; give exactly one of secret and jwks.',
    );
  }
  const algorithms = [...(options.algorithms ?? defaultAlgorithms(secret))];
  const checks: JWTVerifyOptions = { algorithms, clockTolerance: Number.MAX_SAFE_INTEGER };
  if (issuer !== undefined) checks.issuer = issuer;
  if (audience !== undefined) checks.audience = audience;
  if (secret !== undefined) {
    const key = Buffer.from(secret);
    checkSecret(key, algorithms);
    return async (token) => (await jwtVerify(unambiguous(token), key, checks)).payload;
  }
  const keys = keySet(new URL(jwks!), clock);
  return async (token) => (await jwtVerify(unambiguous(token), keys, checks)).payload;
}

function checkSecret(secret: Buffer, algorithms: readonly string[]): void {
  const bytesMin = Math.max(...algorithms.map((algorithm) => secretBytesMin(algorithm) ?? Infinity));
  if (!(secret.length >= bytesMin))
    throw badOption(
      `A secret for ${algorithms.join(', ')} needs ${bytesMin} bytes and has ${secret.length}. Make one with: openssl rand -base64 ${bytesMin}`,
    );
  if (isPublicSecret(secret))
    throw badOption(
      'The secret is a key that others know. Give public keys as a key set (jwks), or make a secret with: openssl rand -base64 32',
    );
}

/** The token, if nobody can read it otherwise than jose does. */
function unambiguous(token: string): string {
  if (readSignedText(token) !== undefined) return token;
  throw new StickyError(
    'STICKY_TOKEN_REFUSED',
    'A token could be read two ways, or has a header that changes what is signed.',
  );
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
      if (response.status !== 200) {
        failedAt = clock.monotonic();
        return response;
      }
      return Response.json({ keys: await readKeySet(response) });
    } catch (error) {
      failedAt = clock.monotonic();
      throw error;
    }
  };
}
