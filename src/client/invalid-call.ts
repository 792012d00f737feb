import { StickyError } from '../base/errors.js';

/** A mistake of the code that calls: an option, a key or a path that can't be used. */
export function invalidCall(message: string, cause?: unknown): StickyError {
  return new StickyError('STICKY_CLIENT_INVALID', message, cause === undefined ? undefined : { cause });
}
