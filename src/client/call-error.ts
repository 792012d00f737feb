import { StickyError } from '../base/errors.js';

/**
 * How a try ended. `answered`: with the response that the caller got. `unavailable`: with a 503, and another
 * upstream was asked. `unreachable`: no connection, so nothing was sent. `broken`: it may have had the
 * request, and gave no whole answer. `silent`: no answer in time.
 */
export type TryResult = 'answered' | 'unavailable' | 'unreachable' | 'broken' | 'silent';

/** One upstream asked. */
export interface CallTry {
  /** Its id. */
  readonly upstream: string;
  readonly result: TryResult;
  /** What was caught, where something was. */
  readonly error?: unknown;
}

export type CallErrorCode = 'STICKY_NO_UPSTREAM' | 'STICKY_UPSTREAM_BROKEN' | 'STICKY_DEADLINE';

/**
 * A call that got no answer, or not the whole of one. What the app itself answers is never an error, whatever
 * its status.
 */
export class CallError extends StickyError {
  declare readonly code: CallErrorCode;
  /** The upstreams asked, in order. */
  readonly tries: readonly CallTry[];

  constructor(code: CallErrorCode, message: string, tries: readonly CallTry[]) {
    const cause = tries.at(-1)?.error;
    super(code, message, cause === undefined ? undefined : { cause });
    this.name = 'CallError';
    this.tries = tries;
  }

  /** What a service in front may answer its own client with. */
  override get status(): 502 | 503 | 504 {
    return super.status as 502 | 503 | 504;
  }
}
