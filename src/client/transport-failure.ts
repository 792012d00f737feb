/**
 * Failures of a handshake's certificate check, which ends before anything is sent (names of OpenSSL's
 * X509_V_ERR_* in Node).
 */
const CERTIFICATE = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)|^ERR_TLS_CERT_ALTNAME_INVALID$/;

/**
 * Did a fetch fail before anything of the request was sent? Only what is known to come before counts; a
 * connection that was reset may have carried the request. `fetch` wraps the system's error in a TypeError,
 * and several addresses' errors in an AggregateError.
 */
export function wasNeverSent(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, syscall, cause, errors } = error as {
    code?: unknown;
    syscall?: unknown;
    cause?: unknown;
    errors?: unknown;
  };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(wasNeverSent);
  if (syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT') return true;
  if (typeof code === 'string' && CERTIFICATE.test(code)) return true;
  return cause !== undefined && cause !== error && wasNeverSent(cause);
}
