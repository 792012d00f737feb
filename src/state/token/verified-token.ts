import { jwtVerify } from 'jose';
import type { KeyRing } from './key-ring.js';
import { familyEndPlace, tokenPlace, userPlace } from './revocation-record.js';
import type { TokenMarks } from './revocations.js';
import { deepFreeze, isName, type TokenClaims } from './token-claims.js';
import { invalidToken } from './token-error.js';
import type { TokenSettings } from './token-options.js';
import { readTokenHeader } from './token-text.js';

/**
 * A token whose signature, issuer, audience and type were found right: that does not change. Its times and
 * revocation do.
 */
export interface VerifiedToken {
  readonly text: string;
  readonly claims: TokenClaims;
  /** The claims once more, as `verify` gives them. */
  readonly answer: Promise<TokenClaims>;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly marks: TokenMarks;
  /** The edition of the revocations that it was last compared with. */
  edition: number;
}

const CLAIMS_REQUIRED = ['iss', 'sub', 'aud', 'iat', 'exp', 'jti'];

/**
 * Rejects with `STICKY_TOKEN_INVALID`, whatever is wrong. Times are left to the caller, who checks them on
 * every use.
 */
export async function verifyText(
  text: string,
  ring: KeyRing,
  settings: TokenSettings,
): Promise<VerifiedToken> {
  const header = readTokenHeader(text);
  const key = header && ring.find(header.kid);
  if (key === undefined || key.alg !== header?.alg) throw invalidToken();
  const { issuer, audience, type } = settings;
  const checks = {
    algorithms: [key.alg],
    issuer,
    audience: [...audience],
    typ: type,
    requiredClaims: CLAIMS_REQUIRED,
    clockTolerance: Number.MAX_SAFE_INTEGER,
  };
  const { payload } = await jwtVerify(text, key.verifying, checks).catch(() =>
    Promise.reject(invalidToken()),
  );
  return readPayload(text, payload, settings);
}

function readPayload(
  given: string,
  payload: Readonly<Record<string, unknown>>,
  settings: TokenSettings,
): VerifiedToken {
  const { iss, sub, jti, iat, exp, nbf = iat, auth_time: loginAt = iat, sid, epoch } = payload;
  const isWhole =
    isName(iss) && isName(sub) && isName(jti) && [iat, exp, nbf, loginAt].every(Number.isFinite);
  const {
    lifeMsMax,
    toleranceMs,
    store: { partitions },
  } = settings;
  // A token that outlives its revocation's record would come back to life.
  if (!isWhole || (exp as number) - (iat as number) > lifeMsMax / 1000) throw invalidToken();
  const user = userPlace(iss, sub, partitions);
  const family = typeof sid === 'string' ? familyEndPlace(sid, partitions) : undefined;
  const claims = deepFreeze(payload) as unknown as TokenClaims;
  return {
    // A copy: what was given may be a piece of something larger, which would be kept with it.
    text: Buffer.from(given, 'latin1').toString('latin1'),
    claims,
    answer: Promise.resolve(claims),
    fromMs: Math.max(iat as number, nbf as number) * 1000 - toleranceMs,
    untilMs: (exp as number) * 1000 + toleranceMs,
    marks: {
      token: tokenPlace(iss, jti, partitions),
      user,
      family: family?.partition === user.partition ? family : undefined,
      epochMs: typeof epoch === 'number' ? epoch : -Infinity,
      issuedAtMs: (iat as number) * 1000,
      loginAtMs: (loginAt as number) * 1000,
    },
    edition: -1,
  };
}
