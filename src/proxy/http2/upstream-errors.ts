function error(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

// What stands as the cause in logs is the code.
export const NO_ALPN = error('NO_ALPN', 'the upstream has not chosen HTTP/2');
export const NO_SETTINGS = error('NO_SETTINGS', 'the first bytes of the upstream are no HTTP/2');
export const NO_PING_ANSWER = error('ETIMEDOUT', 'the upstream has not answered a PING');

/** The upstream refused the handshake because HTTP/2 was all that it was offered (RFC 7301 §3.2). */
export function isNoAlpn(failure: Error | undefined): boolean {
  return (failure as NodeJS.ErrnoException | undefined)?.code?.includes('NO_APPLICATION_PROTOCOL') === true;
}
