import type { Clock, Timer } from '../base/clock.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Pool } from '../route/pool/pool.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { HealthConfig } from './config/config.js';
import { HEALTH_PATH, healthRequest, judgeHealth } from './grpc-health.js';
import { askByHttp2 } from './http2-question.js';
import { ask, WELL, type Verdict } from './upstream-question.js';

/** Asks every upstream of a pool for its health path, and tells the pool, and `asked` how it went. */
export function startProbes(
  pool: Pool,
  health: HealthConfig,
  tls: UpstreamTls,
  isHttp2: boolean,
  clock: Clock,
  asked?: (id: string, verdict: Verdict, tookMs: number) => void,
): Timer {
  const running = new Set<string>();
  const probeAll = (): void => {
    for (const upstream of pool.snapshot.upstreams) {
      if (running.has(upstream.id)) continue;
      running.add(upstream.id);
      const beganAtMs = clock.monotonic();
      void probe(upstream, health, tls, isHttp2, clock).then((verdict) => {
        running.delete(upstream.id);
        asked?.(upstream.id, verdict, clock.monotonic() - beganAtMs);
        if (verdict.kind === 'well') pool.probeSucceeded(upstream.id);
        else if (verdict.kind === 'failed') pool.probeFailed(upstream.id, verdict.cause);
      });
    }
  };
  probeAll();
  return clock.every(health.everyMs, probeAll);
}

const AGENT_NAME = 'stickyroute-health';

/** 2xx and 3xx are well, or SERVING; anything else, and no answer in time, is not. */
export function probe(
  upstream: Upstream,
  { path = HEALTH_PATH, grpc, timeoutMs: timeMs }: HealthConfig,
  tls: UpstreamTls,
  isHttp2: boolean,
  clock: Clock,
): Promise<Verdict> {
  const agentName = AGENT_NAME;
  if (grpc !== undefined) {
    const body = healthRequest(grpc);
    return askByHttp2(
      upstream,
      { method: 'POST', path, agentName, timeMs, body, judge: judgeHealth },
      tls,
      clock,
    );
  }
  return isHttp2
    ? askByHttp2(upstream, { method: 'GET', path, agentName, timeMs, judge: judgeStatus }, tls, clock)
    : ask(upstream, { method: 'GET', path, agentName, timeMs, judgeStatus }, tls, clock);
}

function judgeStatus(status: number): Verdict {
  return status >= 200 && status < 400 ? WELL : { kind: 'failed', cause: `status ${status}` };
}
