import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { createAddressSet, parseAddress, type AddressSet } from '../route/address.js';

export interface SchemeOptions {
  /**
   * Proxies whose `X-Forwarded-Proto` is believed, as addresses and ranges: `['10.0.0.0/8']`. Nobody's unless
   * set.
   */
  readonly trustedProxies?: readonly string[] | undefined;
}

/** Tells whether a client spoke https: to us, or to a proxy that is trusted to say so. */
export function schemeReader({ trustedProxies = [] }: SchemeOptions): (request: IncomingMessage) => boolean {
  const trusted: AddressSet | undefined =
    trustedProxies.length === 0 ? undefined : createAddressSet(trustedProxies);
  return (request) => {
    if ((request.socket as TLSSocket).encrypted === true) return true;
    if (trusted === undefined) return false;
    const said = request.headers['x-forwarded-proto'];
    // One word: a list means that several proxies wrote it, and which of them is to be believed is not known.
    return said === 'https' && trusted.has(parseAddress(request.socket.remoteAddress ?? ''));
  };
}
