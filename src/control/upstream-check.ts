import type { Clock } from '../base/clock.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Upstream } from '../route/pool/upstream.js';
import { askByHttp2, type Http2Question } from './http2-question.js';
import { ask, WELL, type Verdict } from './upstream-question.js';

/** How long an upstream that requests have put in doubt has to answer. */
const CHECK_TIME_MS = 2000;

const PING: Http2Question = {
  method: 'PING',
  path: '',
  agentName: '',
  timeMs: CHECK_TIME_MS,
  judge: () => WELL,
};

/**
 * Asks an upstream that gave requests no answer for something that no client chose: `OPTIONS *`, which is a
 * ping by RFC 9110 §9.3.7. Any answer of HTTP, whatever its status, shows that it is there.
 * Over HTTP/2 it is a PING.
 */
export function isThere(
  upstream: Upstream,
  tls: UpstreamTls,
  isHttp2: boolean,
  clock: Clock,
): Promise<Verdict> {
  if (isHttp2) return askByHttp2(upstream, PING, tls, clock);
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
