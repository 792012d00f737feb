import type { Clock } from '../../base/clock.js';

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

const WARN_EVERY_MS = 10_000;
let warnedAtMs = -Infinity;

/**
 * What is done with events when the app says nothing: a warning of the process, not more than one in ten
 * seconds.
 */
export function warn(event: TokenEvent, clock: Clock): void {
  const nowMs = clock.monotonic();
  if (nowMs - warnedAtMs < WARN_EVERY_MS) return;
  warnedAtMs = nowMs;
  process.emitWarning(textOf(event), {
    code: event.type === 'refreshReused' ? 'STICKY_TOKEN_REVOKED' : 'STICKY_STORE_DOWN',
  });
}

function textOf(event: TokenEvent): string {
  if (event.type === 'refreshReused')
    return 'A refresh token was used again after its time; its family was ended. Listen with `onEvent` to learn whose.';
  if (event.type === 'uncertain')
    return `Revocations may have been missed, for the store's feed is behind; tokens are treated as \`onUncertain: ${event.outcome}\` says.`;
  return `Revocations can't be read from the store. ${event.error instanceof Error ? event.error.message : ''}`.trim();
}
