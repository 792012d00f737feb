import { systemClock, type Clock } from '../base/clock.js';
import { badOption } from '../base/options.js';
import { isPublicSecret } from '../base/signing-key.js';
import type { TokenVerifier, TokenVerifierOptions } from '../route/affinity/definition.js';
import { defaultAlgorithms, secretBytesMin } from '../route/affinity/jwt.js';

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
  const secretBytes = secret === undefined ? undefined : Buffer.from(secret);
  if (secretBytes !== undefined) checkSecret(secretBytes, algorithms);
  const keys = secretBytes ?? new URL(jwks!);
  // jose is loaded for those who use tokens: it is a tenth of a start.
  const loaded = import('./token-check.js').then(({ tokenCheck }) =>
    tokenCheck(keys, { algorithms, issuer, audience }, clock),
  );
  // Told to those who ask.
  loaded.catch(() => {});
  return async (token) => (await loaded)(token);
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
