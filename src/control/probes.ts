import http from 'node:http';
import https from 'node:https';
import { isLocalError } from '../base/local-error.js';
import type { Clock, Timer } from '../base/clock.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Pool } from '../route/pool/pool.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { HealthConfig } from './config/config.js';

/** Bytes of a probe's answer that are read; the status is what counts. */
const PROBE_BYTES_MAX = 64 * 1024;

/**
 * Asks every upstream of a pool for its health path, and tells the pool. 2xx and 3xx are well; anything else,
 * and no answer in time, is not. A connection a probe: one that is still open says nothing of whether a new
 * client would be served.
 */
export function startProbes(pool: Pool, health: HealthConfig, tls: UpstreamTls, clock: Clock): Timer {
  const running = new Set<string>();
  const probeAll = (): void => {
    for (const upstream of pool.snapshot.upstreams) {
      if (running.has(upstream.id)) continue;
      running.add(upstream.id);
      void probe(upstream, health, tls).then((isWell) => {
        running.delete(upstream.id);
        if (isWell === true) pool.probeSucceeded(upstream.id);
        else if (isWell === false) pool.probeFailed(upstream.id);
      });
    }
  };
  probeAll();
  return clock.every(health.everyMs, probeAll);
}

/** `undefined`: it could not be asked, for want of something here. */
export function probe(
  upstream: Upstream,
  health: HealthConfig,
  tls: UpstreamTls,
): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const url = new URL(health.path, upstream.url);
    const options = {
      agent: false,
      timeout: health.timeoutMs,
      signal: AbortSignal.timeout(health.timeoutMs),
      headers: { 'user-agent': 'stickyroute-health', connection: 'close' },
    };
    const take = (answer: http.IncomingMessage): void => {
      const status = answer.statusCode ?? 0;
      let bytes = 0;
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > PROBE_BYTES_MAX) request.destroy();
      });
      resolve(status >= 200 && status < 400);
    };
    const request =
      url.protocol === 'https:'
        ? https.get(
            url,
            {
              ...options,
              ...(tls.ca === undefined ? {} : { ca: tls.ca }),
              rejectUnauthorized: !tls.insecure,
            },
            take,
          )
        : http.get(url, options, take);
    request.on('error', (error) => resolve(isLocalError(error) ? undefined : false));
  });
}
