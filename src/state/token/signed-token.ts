import { SignJWT } from 'jose';
import type { KeyRing } from './key-ring.js';
import { OWN_CLAIMS } from './token-claims.js';
import { misused } from './token-error.js';
import type { TokenSettings } from './token-options.js';
import { TOKEN_CHARACTERS_MAX } from './token-text.js';

/** What a new token is to say, apart from its times and name. */
export interface TokenContent {
  readonly sub: string;
  readonly sid: string | undefined;
  /** The app's claims, as JSON. */
  readonly claims: string;
  readonly audience: readonly string[];
  readonly loginAtS: number;
  /** Of the user's revocations the newest that the login knew of. */
  readonly epochMs: number | undefined;
}

export interface SignedToken {
  readonly accessToken: string;
  /** How long the access token lives, in milliseconds. */
  readonly ttlMs: number;
  readonly sub: string;
  /** Names the access token, for `revoke`. */
  readonly jti: string;
  /** Names the login that it descends from; undefined without a refresh token. */
  readonly sid: string | undefined;
}

export async function signToken(
  { sub, sid, claims, audience, loginAtS, epochMs }: TokenContent,
  ttlMs: number,
  ring: KeyRing,
  settings: TokenSettings,
): Promise<SignedToken> {
  const { issuer, type, clock, random } = settings;
  const key = ring.signer(clock.now());
  const iat = Math.floor(clock.now() / 1000);
  const ttlS = Math.floor(ttlMs / 1000);
  const jti = random.id();
  const own = {
    iss: issuer,
    sub,
    aud: audience.length === 1 ? audience[0]! : [...audience],
    iat,
    exp: iat + ttlS,
    jti,
    auth_time: loginAtS,
  };
  const payload = {
    ...(JSON.parse(claims) as object),
    ...own,
    ...(sid === undefined ? {} : { sid }),
    ...(epochMs === undefined ? {} : { epoch: epochMs }),
  };
  const accessToken = await new SignJWT(payload)
    .setProtectedHeader({ alg: key.alg, kid: key.id, typ: type })
    .sign(key.signing);
  if (accessToken.length > TOKEN_CHARACTERS_MAX)
    throw misused(
      `With these claims the token has ${accessToken.length} characters, and ${TOKEN_CHARACTERS_MAX} is the most. Keep them elsewhere, under the user's id.`,
    );
  return { accessToken, ttlMs: ttlS * 1000, sub, jti, sid };
}

/** The app's claims as JSON, whole. */
export function writeClaims(claims: object | undefined): string {
  if (claims === undefined) return '{}';
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw misused("`claims` must be a plain object, such as { role: 'admin' }.");
  const taken = OWN_CLAIMS.find((name) => Object.hasOwn(claims, name));
  if (taken !== undefined)
    throw misused(`\`claims\` has ${taken}, which is written by us. Give what you mean another name.`);
  try {
    return JSON.stringify(claims);
  } catch {
    throw misused("`claims` can't be written as JSON: they refer to themselves, or hold a BigInt.");
  }
}
