/**
 * Whose fault it is that `fetch` gave no answer, or no whole one.
 *
 * - `caller`: the request can't be sent, or its body can't be read. Counts for nobody; nobody else is asked.
 * - `local`: this machine lacks descriptors, memory or ports, or its resolver is away. Counts for nobody.
 * - `unreachable`: no connection could be made, so nothing was sent. Counts.
 * - `broken`: it was connected to, and gave no whole answer. Counts once a call, and not where the next
 *   upstream fails alike.
 * - `content`: it answered, with what can't be decoded or is not what was asked for. Counts for nobody;
 *   nobody else is asked.
 * - `foreign`: a `fetch` of the app's own failed; nothing blames an upstream. Counts for nobody.
 */
export type FetchFault = 'caller' | 'local' | 'unreachable' | 'broken' | 'content' | 'foreign';

/** By the code of an error: system calls, Node, undici, zlib. */
const BY_CODE: readonly (readonly [FetchFault, RegExp])[] = [
  ['local', /^(?:EMFILE|ENFILE|ENOMEM|ENOBUFS|EADDRNOTAVAIL|EADDRINUSE|EAI_(?:AGAIN|MEMORY|SYSTEM|FAIL))$/],
  [
    'caller',
    /^(?:UND_ERR_(?:INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH|ABORTED|DESTROYED|CLOSED|INVALID_RETURN_VALUE|BPL_MISSING_UPSTREAM)|ERR_INVALID_(?:ARG_TYPE|ARG_VALUE|URL|CHAR|STATE|HTTP_TOKEN)|ERR_HTTP_.*|ERR_STREAM_.*|ERR_UNESCAPED_CHARACTERS|ENOENT|EISDIR)$/,
  ],
  // The check of a certificate ends the handshake before anything is sent (OpenSSL's X509_V_ERR_* in Node).
  [
    'unreachable',
    /^(?:UND_ERR_CONNECT_TIMEOUT|ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_NONAME|EAI_NODATA|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|CERT_.*|UNABLE_TO_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|ERR_TLS_CERT_ALTNAME_INVALID)$/,
  ],
  ['content', /^(?:Z_.*|ERR__ERROR_FORMAT.*|ERR_.*BROTLI.*|ERR_ZSTD.*|ERR_PADDING.*)$/],
  [
    'broken',
    /^(?:UND_ERR_.*|HPE_.*|ECONNRESET|ECONNABORTED|ConnectionClosed|EPIPE|ETIMEDOUT|ESOCKETTIMEDOUT|EPROTO|ENOTCONN|ERR_SSL_.*|ERR_TLS_.*|ERR_OSSL_.*|ERR_HTTP2_.*)$/,
  ],
];

/** Errors without a code, which the specification of `fetch` or undici raises. */
const BY_MESSAGE: readonly (readonly [FetchFault, RegExp])[] = [
  ['unreachable', /^bad port$/],
  ['content', /^(?:integrity mismatch|unexpected redirect|redirect count exceeded)$/],
];

/** DOMExceptions: a body that can't be read, or a time limit or an abort of the app's own `fetch`. */
const BY_NAME: Readonly<Record<string, FetchFault>> = {
  NotReadableError: 'caller',
  DataCloneError: 'caller',
  InvalidStateError: 'caller',
  AbortError: 'foreign',
  TimeoutError: 'foreign',
};

const DEPTH_MAX = 8;

/**
 * `fetch` wraps the system's error in a TypeError, and several addresses' errors in an AggregateError. A
 * TypeError that gives no reason is a network error by the specification: what is no request was refused
 * before.
 */
export function faultOf(error: unknown): FetchFault {
  return faultWithin(error, 0) ?? (error instanceof TypeError ? 'broken' : 'foreign');
}

function faultWithin(error: unknown, depth: number): FetchFault | undefined {
  if (typeof error !== 'object' || error === null || depth > DEPTH_MAX) return undefined;
  const { code, syscall, cause, errors, message, name } = error as Record<string, unknown>;
  if (Array.isArray(errors) && errors.length > 0) return ofSeveral(errors, depth);
  if (typeof code === 'string') {
    const fault = BY_CODE.find(([, form]) => form.test(code))?.[0];
    // A connection that could not be made carried nothing, however it failed.
    const wasConnecting = syscall === 'connect' || syscall === 'getaddrinfo';
    if (fault !== undefined) return wasConnecting && fault !== 'local' ? 'unreachable' : fault;
  }
  if (syscall === 'connect' || syscall === 'getaddrinfo') return 'unreachable';
  if (typeof syscall === 'string')
    return /^(?:read|write|shutdown|recv|send)/.test(syscall) ? 'broken' : 'caller';
  if (typeof message === 'string') {
    const fault = BY_MESSAGE.find(([, form]) => form.test(message))?.[0];
    if (fault !== undefined) return fault;
  }
  if (typeof name === 'string' && Object.hasOwn(BY_NAME, name)) return BY_NAME[name];
  const within = faultWithin(cause, depth + 1);
  if (within !== undefined) return within;
  // Below the wrapper, a TypeError is a mistake in code: an option that is none, a chunk of another kind.
  return depth > 0 && isCodeError(error) ? 'caller' : undefined;
}

/** Nothing was sent only if none of the addresses was connected to. */
function ofSeveral(errors: readonly unknown[], depth: number): FetchFault | undefined {
  const faults = errors.map((each) => faultWithin(each, depth + 1));
  if (faults.every((fault) => fault === 'local')) return 'local';
  return faults.every((fault) => fault === 'local' || fault === 'unreachable') ? 'unreachable' : 'broken';
}

function isCodeError(error: object): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}
