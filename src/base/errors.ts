/**
 * Every error stickyroute raises on purpose carries one of these codes. They are public: handlers switch on
 * them, so a code is never renamed and never reused.
 */
export type StickyErrorCode =
  | 'STICKY_CONFIG_INVALID'
  | 'STICKY_CONFIG_UNREADABLE'
  | 'STICKY_LISTEN_FAILED'
  | 'STICKY_TLS_UNREADABLE'
  | 'STICKY_WORKER_FAILED'
  | 'STICKY_POOL_INVALID'
  | 'STICKY_PLACEMENT_INVALID'
  | 'STICKY_IMPORT_FAILED'
  | 'STICKY_TOKEN_REFUSED'
  | 'STICKY_TOKEN_INVALID'
  | 'STICKY_TOKEN_EXPIRED'
  | 'STICKY_TOKEN_REVOKED'
  | 'STICKY_TOKEN_MISUSED'
  | 'STICKY_STORE_DOWN'
  | 'STICKY_STORE_FULL'
  | 'STICKY_STORE_MISUSED'
  | 'STICKY_SESSION_ENDED'
  | 'STICKY_SESSION_INVALID'
  | 'STICKY_SESSION_TOO_LARGE'
  | 'STICKY_CLIENT_INVALID'
  | 'STICKY_CLIENT_CLOSED'
  | 'STICKY_NO_UPSTREAM'
  | 'STICKY_UPSTREAM_BROKEN'
  | 'STICKY_DEADLINE'
  | 'STICKY_CACHE_INVALID'
  | 'STICKY_CACHE_TOO_LARGE'
  | 'STICKY_CACHE_LATE';

const STATUS: { readonly [code in StickyErrorCode]?: number } = {
  STICKY_STORE_DOWN: 503,
  STICKY_STORE_FULL: 503,
  STICKY_SESSION_ENDED: 401,
  STICKY_NO_UPSTREAM: 503,
  STICKY_UPSTREAM_BROKEN: 502,
  STICKY_DEADLINE: 504,
  STICKY_TOKEN_INVALID: 401,
  STICKY_TOKEN_EXPIRED: 401,
  STICKY_TOKEN_REVOKED: 401,
  STICKY_CACHE_LATE: 504,
};

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
    return STATUS[this.code];
  }

  get statusCode(): number | undefined {
    return STATUS[this.code];
  }
}
