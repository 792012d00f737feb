import { StickyError } from '../../base/errors.js';

/** Why a request's session takes nothing any more. `ended`: by another request. */
export function closedSession(why: 'ended' | 'storeDown'): StickyError {
  return why === 'ended'
    ? new StickyError(
        'STICKY_SESSION_ENDED',
        'The session was ended by another request (a logout, or its user ended all sessions), so nothing was stored. Answer as for somebody who is not logged in.',
      )
    : new StickyError(
        'STICKY_STORE_DOWN',
        'The session store could not be reached when this request came, so its session is unknown and nothing was stored. Let the client try again.',
      );
}

/** Why a session can't get a new id now. */
export function lateSession(): StickyError {
  return new StickyError(
    'STICKY_SESSION_LATE',
    "The headers of the answer are out, so the client can't be told the new id of its session, and nothing was stored. Call login() and regenerate(), and set the first field of a session, before the answer is begun, and await them.",
  );
}
