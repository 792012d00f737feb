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
import type { Clock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import { readSignedText } from '../base/signed-text.js';
import type { TokenVerifier, TokenVerifierOptions } from '../route/affinity/definition.js';
import { readKeySet } from './key-set.js';

/** A request may be waiting for the keys. */
const FETCH_MS_MAX = 3000;
/** Unknown key ids must not make us ask the issuer more often than this. */
const FETCH_COOLDOWN_MS = 30_000;
/** Neither must an issuer that is down make every request wait for its time-out. */
const FAILED_COOLDOWN_MS = 5000;
/** After this the keys are fetched anew: a key taken out of the set stops counting. */
const KEYS_AGE_MS_MAX = 600_000;

type Expected = Pick<TokenVerifierOptions, 'issuer' | 'audience'> & { readonly algorithms: string[] };

/** Checks tokens with jose. `keys`: a secret, or where the key set is. */
export function tokenCheck(
  keys: Uint8Array | URL,
  { algorithms, issuer, audience }: Expected,
  clock: Clock,
): TokenVerifier {
  const checks: JWTVerifyOptions = { algorithms, clockTolerance: Number.MAX_SAFE_INTEGER };
  if (issuer !== undefined) checks.issuer = issuer;
  if (audience !== undefined) checks.audience = audience;
  if (keys instanceof Uint8Array)
    return async (token) => (await jwtVerify(unambiguous(token), keys, checks)).payload;
  const set = keySet(keys, clock);
  return async (token) => (await jwtVerify(unambiguous(token), set, checks)).payload;
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
