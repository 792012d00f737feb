import type { Clock } from '../../base/clock.js';

/** Something that whoever runs the app may want to know. It carries no id, no cookie and no field. */
export type SessionEvent =
  /**
   * The store could not be reached. `anonymous`: the request went on without its session; else it was
   * answered 503.
   */
  | {
      readonly type: 'storeDown';
      readonly during: 'load' | 'commit' | 'touch';
      readonly outcome: 'fail' | 'anonymous';
      readonly error: unknown;
    }
  /** What a request changed was dropped, for its session had been ended meanwhile. */
  | { readonly type: 'endedMeanwhile' }
  /** The record of a session is not ours, or of a newer version. It counted as absent and was left alone. */
  | { readonly type: 'unreadable' };

const WARN_EVERY_MS = 10_000;
let warnedAtMs = -Infinity;

/**
 * What is done with events when the app says nothing: a warning of the process, not more than one in ten
 * seconds.
 */
export function warn(event: SessionEvent, clock: Clock): void {
  if (event.type === 'endedMeanwhile') return;
  const nowMs = clock.monotonic();
  if (nowMs - warnedAtMs < WARN_EVERY_MS) return;
  warnedAtMs = nowMs;
  const text =
    event.type === 'unreadable'
      ? 'A session in the store is not ours, or of a newer version; it was passed over.'
      : `The session store can't be reached (${event.during}); ${event.outcome === 'fail' ? 'the request fails with 503' : 'the request goes on without its session'}. ${event.error instanceof Error ? event.error.message : ''}`;
  process.emitWarning(text.trim(), {
    code: event.type === 'storeDown' ? 'STICKY_STORE_DOWN' : 'STICKY_SESSION_UNREADABLE',
  });
}
