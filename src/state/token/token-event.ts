import type { Warning } from '../../base/app-callback.js';

/** Something that whoever runs the app may want to know. It carries no token. */
export type TokenEvent =
  /**
   * A refresh token was used again, after its time: it was stolen, or a client keeps old ones. Its family was
   * ended.
   */
  | { readonly type: 'refreshReused'; readonly sub: string; readonly sid: string }
  /**
   * The store's feed is further behind than `bound` allows; tokens are treated as `onUncertain` says. Told
   * once in ten seconds.
   */
  | { readonly type: 'uncertain'; readonly outcome: 'ask' | 'reject' | 'accept' }
  /** Revocations could not be read from the store. It is tried again. */
  | { readonly type: 'storeDown'; readonly error: unknown };

/** What is said of an event when the app does not listen. */
export function tokenWarning(event: TokenEvent): Warning {
  return {
    code: event.type === 'refreshReused' ? 'STICKY_TOKEN_REVOKED' : 'STICKY_STORE_DOWN',
    text: textOf(event),
  };
}

function textOf(event: TokenEvent): string {
  if (event.type === 'refreshReused')
    return 'A refresh token was used again after its time; its family was ended. Listen with `onEvent` to learn whose.';
  if (event.type === 'uncertain')
    return `Revocations may have been missed, for the store's feed is behind; tokens are treated as \`onUncertain: ${event.outcome}\` says.`;
  return `Revocations can't be read from the store. ${event.error instanceof Error ? event.error.message : ''}`;
}
