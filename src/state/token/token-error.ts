import { StickyError } from '../../base/errors.js';

// One message each, whatever the cause: what is wrong with a token helps nobody but who is trying to forge
// one.

export function invalidToken(): StickyError {
  return new StickyError(
    'STICKY_TOKEN_INVALID',
    'Invalid token: it is malformed, not signed by one of our keys, or for somebody else. Let the client log in again.',
  );
}

/** For a logout. What stands in a token's place may come from the client, so it counts as a bad token. */
export function neitherToken(): StickyError {
  return new StickyError(
    'STICKY_TOKEN_INVALID',
    'Invalid token: `logout` takes the text of a refresh token, or the claims that `verify` gave, the object itself and no copy of it. Nobody was logged out.',
  );
}

export function expiredToken(): StickyError {
  return new StickyError(
    'STICKY_TOKEN_EXPIRED',
    'Token expired. Let the client refresh it, or log in again.',
  );
}

export function revokedToken(): StickyError {
  return new StickyError(
    'STICKY_TOKEN_REVOKED',
    'Revoked token: it was ended before its time. Let the client log in again.',
  );
}

/** Nothing is known to be wrong with the token, but a revocation may have been missed. */
export function uncertainToken(): StickyError {
  return new StickyError(
    'STICKY_STORE_DOWN',
    "Whether a token was revoked is not known: the store's feed is further behind than `bound` allows, and `onUncertain` is reject. Let the client try again.",
  );
}

/** The store works; too many wanted to change the same at once. */
export function contended(tries: number): StickyError {
  return new StickyError(
    'STICKY_CONTENDED',
    `What the store holds of a user or a login was changed by others ${tries} times while we tried to change it. Let the client try again.`,
  );
}

/** A fault of the app's, in what it asks for. */
export function misused(message: string): StickyError {
  return new StickyError('STICKY_TOKEN_MISUSED', message);
}
