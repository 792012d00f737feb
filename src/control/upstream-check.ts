import http from 'node:http';
import https from 'node:https';
import { isLocalError } from '../base/local-error.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Upstream } from '../route/pool/upstream.js';

/** How long an upstream that requests have put in doubt has to answer. */
const CHECK_TIME_MS = 2000;

/**
 * Asks an upstream that gave requests no answer for something that no client chose: `OPTIONS *`, which is a
 * ping by RFC 9110 §9.3.7. Any answer of HTTP, whatever its status, shows that it is there. `undefined`: it
 * could not be asked, for want of something here.
 */
export function isThere(upstream: Upstream, tls: UpstreamTls): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const options = {
      method: 'OPTIONS',
      path: '*',
      agent: false,
      signal: AbortSignal.timeout(CHECK_TIME_MS),
      headers: { 'user-agent': 'stickyroute-check', connection: 'close' },
    };
    const take = (answer: http.IncomingMessage): void => {
      answer.on('error', () => {});
      request.destroy();
      resolve(true);
    };
    const request = upstream.url.startsWith('https:')
      ? https.request(
          upstream.url,
          { ...options, ...(tls.ca !== undefined && { ca: tls.ca }), rejectUnauthorized: !tls.insecure },
          take,
        )
      : http.request(upstream.url, options, take);
    request.on('error', (error: Error & { rawPacket?: Buffer }) => {
      // Node refuses what many take, such as lines that end with a bare LF. Who writes them is there.
      const answered = error.rawPacket?.subarray(0, 7).toString('latin1') === 'HTTP/1.';
      resolve(answered ? true : isLocalError(error) ? undefined : false);
    });
    request.end();
  });
}
