import type { Warning } from '../../base/app-callback.js';

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
  /** What was changed after the headers of the answer had gone out could not be stored. */
  | { readonly type: 'lost'; readonly error: unknown }
  /** What a request changed was dropped, for its session had been ended meanwhile. */
  | { readonly type: 'endedMeanwhile' }
  /** The record of a session is not ours, or of a newer version. It counted as absent and was left alone. */
  | { readonly type: 'unreadable' };

/** What is said of an event when the app does not listen; undefined where it is nothing to act on. */
export function sessionWarning(event: SessionEvent): Warning | undefined {
  switch (event.type) {
    case 'endedMeanwhile':
      return undefined;
    case 'unreadable':
      return {
        code: 'STICKY_SESSION_UNREADABLE',
        text: 'A session in the store is not ours, or of a newer version; it was passed over.',
      };
    case 'lost': {
      const message = event.error instanceof Error ? event.error.message : '';
      return {
        code: 'STICKY_SESSION_LATE',
        text: `What a session was given after the answer's headers had gone out could not be stored. ${message}`,
      };
    }
    case 'storeDown': {
      const outcome =
        event.outcome === 'fail' ? 'the request fails with 503' : 'the request goes on without its session';
      const message = event.error instanceof Error ? event.error.message : '';
      return {
        code: 'STICKY_STORE_DOWN',
        text: `The session store can't be reached (${event.during}); ${outcome}. ${message}`,
      };
    }
  }
}
