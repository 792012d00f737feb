import type { Config, PoolConfig } from '../control/config/config.js';
import { DEFAULT_LIMITS, type Limits } from '../proxy/limits.js';
import { isShorthand } from './groups.js';
import type { Report } from './report.js';

/** Our words for limits, as the configuration has them. */
const LIMIT_KEYS: Readonly<Record<keyof Limits, string>> = {
  headBytesMax: 'headBytes',
  fieldsMax: 'fields',
  headTimeMs: 'headTime',
  idleTimeMs: 'idleTime',
  bodyIdleMs: 'bodyIdleTime',
  tunnelIdleMs: 'tunnelIdleTime',
  connectionsMax: 'connections',
  connectTimeMs: 'connectTime',
  answerTimeMs: 'answerTime',
  interimAnswersMax: 'interimAnswers',
  upstreamIdleMs: 'upstreamIdleTime',
  upstreamIdleMax: 'upstreamIdleConnections',
  upstreamLifeMs: 'upstreamLifeTime',
  upstreamAddressMs: 'upstreamAddressTime',
  keptBodyBytesMax: 'keptBodyBytes',
  triesMax: 'tries',
};

/** What a balancer can't do, in the words of its users. Absent: it can. */
export interface Inability {
  readonly probes?: string;
  readonly passive?: string;
  /** Limits that it has no setting for. */
  readonly limits?: readonly (keyof Limits)[];
}

/** Limits that only a gateway of ours has, whoever the other is. */
const OURS: readonly (keyof Limits)[] = ['fieldsMax', 'keptBodyBytesMax'];

/**
 * Says what is lost whatever the routes are. Limits count where they differ from the default: those were
 * chosen.
 */
export function unwritten(config: Config, target: string, report: Report, inability: Inability): void {
  for (const limit of [...OURS, ...(inability.limits ?? [])]) {
    if (config.limits[limit] !== DEFAULT_LIMITS[limit])
      report.say(`limits.${LIMIT_KEYS[limit]}`, `is not carried over: ${target} has no such limit.`);
  }
  if (config.listen.port === 0)
    report.say('listen', 'is written as 8080: a port that the system chooses could not be found again.');
  if (config.expose)
    report.say(
      'expose',
      `adds x-upstream there and no x-affinity: ${target} does not say why it chose an upstream.`,
    );
  const prefix = isShorthand(config) ? () => '' : (pool: PoolConfig) => `pools.${pool.name}.`;
  for (const pool of config.pools) {
    if (pool.health !== undefined && inability.probes !== undefined)
      report.say(`${prefix(pool)}health`, `is not carried over: ${inability.probes}.`);
    if (pool.passive.maxFails > 0 && inability.passive !== undefined)
      report.say(`${prefix(pool)}passive`, `is not carried over: ${inability.passive}.`);
  }
}
