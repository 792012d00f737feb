import { StickyError } from '../base/errors.js';
import type { TokenClaims } from '../state/token/token-claims.js';
import type { Tokens } from '../state/token/tokens.js';
import type { PlainAnswer } from './plain-answer.js';

export interface BearerOptions {
  /** True: a request without a token goes on, with `token` undefined. One with a bad token does not. */
  readonly optional?: boolean | undefined;
  /** Named in `WWW-Authenticate`. None unless set. */
  readonly realm?: string | undefined;
}

/** What a client without a good token is told (RFC 6750 §3). */
export interface BearerRefusal {
  readonly status: 400 | 401;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type BearerVerdict<Claims extends object> =
  | { readonly claims: TokenClaims<Claims> | undefined; readonly refusal?: undefined }
  | { readonly refusal: BearerRefusal };

/** `b64token` of RFC 6750 §2.1. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
const SCHEME = 'bearer';

/**
 * Judges an `Authorization` field; the only place where a token is looked for. At once for a token that was
 * seen before. Rejects with `STICKY_STORE_DOWN` where nobody can tell whether a token was revoked.
 */
export function bearerGuard<Claims extends object>(
  tokens: Tokens<Claims>,
  { optional = false, realm }: BearerOptions,
): (field: string | undefined) => BearerVerdict<Claims> | Promise<BearerVerdict<Claims>> {
  if (realm !== undefined && !/^[ !#-[\]-~]{1,128}$/.test(realm))
    throw new StickyError(
      'STICKY_CONFIG_INVALID',
      '`realm` is 1 to 128 printable characters without quotes and backslashes.',
    );
  const challenge = realm === undefined ? 'Bearer' : `Bearer realm="${realm}"`;
  // A request that says nothing of itself is told nothing but how to (RFC 6750 §3.1).
  const none = { refusal: refusal(401, challenge) };
  const malformed = { refusal: refusal(400, challenge, 'invalid_request', 'Malformed Authorization field') };
  const expired = { refusal: refusal(401, challenge, 'invalid_token', 'Token expired') };
  const invalid = { refusal: refusal(401, challenge, 'invalid_token', 'Invalid token') };

  const verify = async (text: string): Promise<BearerVerdict<Claims>> => {
    try {
      return { claims: await tokens.verify(text) };
    } catch (error) {
      if (!(error instanceof StickyError) || error.status !== 401) throw error;
      return error.code === 'STICKY_TOKEN_EXPIRED' ? expired : invalid;
    }
  };

  return (field) => {
    const text = field === undefined ? undefined : credentials(field);
    if (text === undefined) return optional ? { claims: undefined } : none;
    const claims = tokens.peek(text);
    if (claims !== undefined) return { claims };
    return B64TOKEN.test(text) ? verify(text) : malformed;
  };
}

/** What a client is told when something failed that is not its token. What exactly is not for it to know. */
export function tokenFailure(error: unknown): PlainAnswer {
  const isStoreDown = error instanceof StickyError && error.status === 503;
  return isStoreDown
    ? { status: 503, text: "The token can't be checked now. Try again in a moment." }
    : { status: 500, text: 'Internal error.' };
}

/**
 * What follows the scheme, which may be written in any case (RFC 9110 §11.1); undefined for another scheme.
 */
function credentials(field: string): string | undefined {
  if (field.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  if (field.length === SCHEME.length) return '';
  if (field.charCodeAt(SCHEME.length) !== 32) return undefined;
  let start = SCHEME.length + 1;
  while (field.charCodeAt(start) === 32) start++;
  return field.slice(start);
}

function refusal(status: 400 | 401, challenge: string, error?: string, description?: string): BearerRefusal {
  const parameters =
    error === undefined
      ? ''
      : `${challenge === 'Bearer' ? ' ' : ', '}error="${error}", error_description="${description}"`;
  return {
    status,
    headers: {
      'WWW-Authenticate': challenge + parameters,
      'Cache-Control': 'no-store',
      ...(error === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    body: error === undefined ? '' : JSON.stringify({ error, error_description: description }),
  };
}
