/** `stickyroute/gateway`: read a configuration and serve it, from code. */
export { startGateway } from './start-gateway.js';
export { readConfig, loadConfig, parseConfig } from './config/load.js';
export { standardKinds } from '../route/kinds.js';
export type { Kinds, MoreKinds } from '../route/kinds.js';
export { ConfigError } from './config/problem.js';
export { prometheusText } from './metrics/prometheus-text.js';
export type { Config } from './config/config.js';
export type { ConfigFile } from './control-plane.js';
export type { Counters } from './counters.js';
export type { AskedRequest, Explanation } from './explanation.js';
export type { DrainOptions } from './drain-plan.js';
export type { DrainStatus } from './drain-status.js';
export type { FixedSetting } from './fixed-settings.js';
export type { MetricsSnapshot } from './metrics/snapshot.js';
export type { GatewayOptions, RunningGateway } from './one-process.js';
export type { SourceState } from './sources/followed-source.js';
export type {
  Source,
  SourceContext,
  SourceDefinition,
  SourceListener,
  SourceNews,
} from '../route/pool/source.js';
export type { Operations, PoolStatus, Reloaded, Status, UpstreamStatus } from './operations.js';
export type { Readiness } from './readiness.js';
