import type { Clock, Timer } from '../base/clock.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Pool } from '../route/pool/pool.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { HealthConfig } from './config/config.js';
import { ask, WELL, type Verdict } from './upstream-question.js';

/** Asks every upstream of a pool for its health path, and tells the pool. */
export function startProbes(pool: Pool, health: HealthConfig, tls: UpstreamTls, clock: Clock): Timer {
  const running = new Set<string>();
  const probeAll = (): void => {
    for (const upstream of pool.snapshot.upstreams) {
      if (running.has(upstream.id)) continue;
      running.add(upstream.id);
      void probe(upstream, health, tls, clock).then((verdict) => {
        running.delete(upstream.id);
        if (verdict.kind === 'well') pool.probeSucceeded(upstream.id);
        else if (verdict.kind === 'failed') pool.probeFailed(upstream.id, verdict.cause);
      });
    }
  };
  probeAll();
  return clock.every(health.everyMs, probeAll);
}

/** 2xx and 3xx are well; anything else, and no answer in time, is not. */
export function probe(
  upstream: Upstream,
  { path, timeoutMs }: HealthConfig,
  tls: UpstreamTls,
  clock: Clock,
): Promise<Verdict> {
  return ask(
    upstream,
    {
      method: 'GET',
      path,
      agentName: 'stickyroute-health',
      timeMs: timeoutMs,
      judgeStatus: (status) =>
        status >= 200 && status < 400 ? WELL : { kind: 'failed', cause: `status ${status}` },
    },
    tls,
    clock,
  );
}
