import { badOption } from '../base/options.js';
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
 * Rejects with STICKY_LISTEN_FAILED when the port can't be had.
 */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<RunningGateway> {
  // What `readConfig` answers has these; what a file or an app's object has is still to be read and checked.
  const read = config as Partial<Config> | undefined;
  if (!Array.isArray(read?.pools) || !Array.isArray(read.routes) || read.limits === undefined)
    throw badOption(
      'startGateway takes a configuration that was read. Write startGateway(readConfig({ … })), or startGateway(loadConfig(FILE, process.env, FOLDER)).',
    );
  return await openGateway(config, options);
}
