import type { Config } from './config/config.js';
import { openGateway, type GatewayOptions, type RunningGateway } from './one-process.js';

export { readConfig, loadConfig, parseConfig } from './config/load.js';
export { standardKinds } from '../route/kinds.js';
export type { Kinds, MoreKinds } from '../route/kinds.js';
export { ConfigError } from './config/problem.js';
export type { Config } from './config/config.js';
export type { ConfigFile } from './control-plane.js';
export type { Counters } from './counters.js';
export type { AskedRequest, Explanation } from './explanation.js';
export type { FixedSetting } from './fixed-settings.js';
export type { GatewayOptions, RunningGateway } from './one-process.js';
export type { Operations, PoolStatus, Reloaded, Status, UpstreamStatus } from './operations.js';

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
