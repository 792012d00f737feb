import type { Clock } from '../base/clock.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Upstream } from '../route/pool/upstream.js';
import { ask, WELL, type Verdict } from './upstream-question.js';

/** How long an upstream that requests have put in doubt has to answer. */
const CHECK_TIME_MS = 2000;

/**
 * Asks an upstream that gave requests no answer for something that no client chose: `OPTIONS *`, which is a
 * ping by RFC 9110 §9.3.7. Any answer of HTTP, whatever its status, shows that it is there.
 */
export function isThere(upstream: Upstream, tls: UpstreamTls, clock: Clock): Promise<Verdict> {
  return ask(
    upstream,
    {
      method: 'OPTIONS',
      path: '*',
      agentName: 'stickyroute-check',
      timeMs: CHECK_TIME_MS,
      judgeStatus: () => WELL,
      // Node refuses what many take, such as lines that end with a bare LF. Who writes them is there.
      judgeError: (error: Error & { rawPacket?: Buffer }) =>
        error.rawPacket?.subarray(0, 7).toString('latin1') === 'HTTP/1.' ? WELL : undefined,
    },
    tls,
    clock,
  );
}
