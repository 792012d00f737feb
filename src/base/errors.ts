/**
 * Every code that an error of stickyroute's own may carry, with the HTTP status that says the same to a
 * client; undefined where it is the app's fault, or no request is concerned. The codes are public: handlers
 * switch on them, so that none is ever renamed or used again. `docs/errors.md` says of each when it comes and
 * what to do.
 */
export const ERROR_STATUS = {
  STICKY_CONFIG_INVALID: undefined,
  STICKY_CONFIG_UNREADABLE: undefined,
  STICKY_LISTEN_FAILED: undefined,
  STICKY_LOG_UNWRITABLE: undefined,
  STICKY_WORKER_FAILED: undefined,
  STICKY_OPERATION_REFUSED: undefined,
  STICKY_ADMIN_REFUSED: undefined,
  STICKY_ADMIN_UNREACHABLE: undefined,
  STICKY_STATE_UNREADABLE: undefined,
  STICKY_POOL_INVALID: undefined,
  STICKY_PLACEMENT_INVALID: undefined,
  STICKY_IMPORT_FAILED: undefined,
  STICKY_TOKEN_REFUSED: undefined,
  STICKY_TOKEN_INVALID: 401,
  STICKY_TOKEN_EXPIRED: 401,
  STICKY_TOKEN_REVOKED: 401,
  STICKY_TOKEN_MISUSED: undefined,
  STICKY_STORE_DOWN: 503,
  STICKY_STORE_FULL: 503,
  STICKY_STORE_MISUSED: undefined,
  STICKY_CONTENDED: 503,
  STICKY_SESSION_ENDED: 401,
  STICKY_SESSION_INVALID: undefined,
  STICKY_SESSION_LATE: undefined,
  STICKY_SESSION_TOO_LARGE: undefined,
  STICKY_CLIENT_INVALID: undefined,
  STICKY_CLIENT_CLOSED: undefined,
  STICKY_NO_UPSTREAM: 503,
  STICKY_UPSTREAM_BROKEN: 502,
  STICKY_DEADLINE: 504,
  STICKY_CACHE_INVALID: undefined,
  STICKY_CACHE_TOO_LARGE: undefined,
  STICKY_CACHE_LATE: 504,
} as const satisfies Record<`STICKY_${string}`, number | undefined>;

export type StickyErrorCode = keyof typeof ERROR_STATUS;

/** Codes of warnings of the process, which nobody catches. As public as those of errors. */
export const WARNING_CODES = ['STICKY_CALLBACK_FAILED', 'STICKY_CACHE', 'STICKY_SESSION_UNREADABLE'] as const;

export type StickyWarningCode = (typeof WARNING_CODES)[number];

/** An error meant for a person: `message` says what happened, to which thing, and what to do about it. */
export class StickyError extends Error {
  readonly code: StickyErrorCode;

  constructor(code: StickyErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StickyError';
    this.code = code;
  }

  /**
   * The HTTP status that says the same to a client; undefined where it is the app's fault. Express and
   * Fastify look for either name.
   */
  get status(): number | undefined {
    return ERROR_STATUS[this.code];
  }

  get statusCode(): number | undefined {
    return ERROR_STATUS[this.code];
  }
}
