declare global {
  namespace Stickyroute {
    /**
     * The claims that an app puts into its tokens. Add them here, and `request.token` is typed in every
     * framework.
     */
    interface TokenClaims {
      readonly [claim: string]: unknown;
    }
  }
}

export type AppClaims = Stickyroute.TokenClaims;

/** What a verified token says, frozen. `Claims` are the app's own. Instants are in seconds (RFC 7519 §2). */
export type TokenClaims<Claims extends object = AppClaims> = StandardClaims & Readonly<Claims>;

export interface StandardClaims {
  readonly iss: string;
  /** Whose it is. */
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly iat: number;
  readonly exp: number;
  /** Names it, to revoke it by. */
  readonly jti: string;
  /** When its user logged in: of all tokens that descend from one login the same. */
  readonly auth_time?: number;
  /** Its family: the login whose refresh token it descends from. */
  readonly sid?: string;
}

/** Claims that `issue` writes. The app's own can't take their place. */
export const OWN_CLAIMS: readonly string[] = [
  'iss',
  'sub',
  'aud',
  'iat',
  'exp',
  'nbf',
  'jti',
  'auth_time',
  'sid',
  'epoch',
];

const TEXT_CHARACTERS_MAX = 256;

export function isName(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= TEXT_CHARACTERS_MAX && isWellFormed(value)
  );
}

/** Half of a character (a lone surrogate) can't be written as UTF-8: two names could become one. */
function isWellFormed(text: string): boolean {
  // In Node 20, which is the least that we run on; not yet in the types.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
