import type { Config } from './config/config.js';
import { openGateway, type GatewayOptions, type RunningGateway } from './one-process.js';

/**
 * Opens the port of a configuration and serves it.
 *
 * ```js
 * import { readConfig, startGateway } from 'stickyroute/gateway';
 * const gateway = await startGateway(readConfig({ listen: 8080, upstreams: ['http://127.0.0.1:3001'],
 * affinity: ['cookie'] }));
 * ```
 *
 * Rejects with STICKY_LISTEN_FAILED when the port can't be had, and with STICKY_TLS_UNREADABLE when a
 * certificate can't be read.
 */
export function startGateway(config: Config, options: GatewayOptions = {}): Promise<RunningGateway> {
  return openGateway(config, options);
}
