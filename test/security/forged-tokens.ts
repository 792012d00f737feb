import { createHmac, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import { afterAll, expect } from 'vitest';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createTokens, type TokenKeyOptions, type TokenOptions } from '../../src/state/token/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';

// Keys, tokens of one issuer, and what an attacker makes in their likeness.

export const SECRET = 'a shared secret of at least 32 bytes';
export const ISSUER = 'https://auth.example';
export const AUDIENCE = 'https://api.example';
export const TYPE = 'at+jwt';
export const clock = createManualClock();
export const NOW_S = clock.now() / 1000;
export const store = memoryStore({ clock });

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const ed = generateKeyPairSync('ed25519');
export const KEYS: readonly TokenKeyOptions[] = [
  { id: 'hs', alg: 'HS256', secret: SECRET },
  { id: 'rs', alg: 'RS256', privateKey: rsa.privateKey },
  { id: 'es', alg: 'ES256', privateKey: ec.privateKey },
  { id: 'ed', alg: 'EdDSA', privateKey: ed.privateKey },
];

export const make = (options: Partial<TokenOptions> = {}) =>
  createTokens({ keys: KEYS, issuer: ISSUER, audience: AUDIENCE, store, clock, ...options });
export const tokens = make();
afterAll(() => tokens.close());

export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export const CLAIMS = { iss: ISSUER, sub: 'alice', aud: AUDIENCE, iat: NOW_S, exp: NOW_S + 600, jti: 'one' };
export const HEADER = { alg: 'HS256', kid: 'hs', typ: TYPE };

/**
 * Signs whatever it is given, as an attacker who has no key of ours would, or as a careless service that has
 * one.
 */
export function forge(
  header: unknown,
  claims: unknown,
  secret: string | Buffer = SECRET,
  hash = 'sha256',
): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

export function forgeWith(
  header: unknown,
  claims: unknown,
  key: KeyObject,
  hash: string | null = 'sha256',
): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${signBytes(hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** How an option is refused. */
export const REFUSED = expect.objectContaining({ code: 'STICKY_CONFIG_INVALID' });

/** Refused with the one message that there is, which says nothing of the token. */
export async function isRefused(text: string, about?: string): Promise<void> {
  const outcome = await tokens.verify(text).then(
    () => 'passes',
    ({ name, code, message, cause }: { name: string; code: string; message: string; cause: unknown }) => ({
      name,
      code,
      message,
      cause,
    }),
  );
  const message =
    'Invalid token: it is malformed, not signed by one of our keys, or for somebody else. Let the client log in again.';
  expect(outcome, about).toEqual({
    name: 'StickyError',
    code: 'STICKY_TOKEN_INVALID',
    message,
    cause: undefined,
  });
}
