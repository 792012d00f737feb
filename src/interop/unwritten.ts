import type { Config, PoolConfig } from '../control/config/config.js';
import { DEFAULT_CIPHERS } from '../control/config/listener-tls.js';
import { LIMITS, type LimitName } from '../proxy/limits.js';
import { isShorthand } from './groups.js';
import type { Report } from './report.js';

/** What a balancer can't do, in the words of its users. Absent: it can. */
export interface Inability {
  readonly probes?: string;
  readonly passive?: string;
  /** Towards upstreams. */
  readonly http2?: string;
  /** Limits that it has no setting for. */
  readonly limits?: readonly LimitName[];
}

/** Limits that only a gateway of ours has, whoever the other is. */
const OURS: readonly LimitName[] = ['fieldsMax', 'keptBodyBytesMax'];

/**
 * Says what is lost whatever the routes are. Limits count where they differ from the default: those were
 * chosen.
 */
export function unwritten(config: Config, target: string, report: Report, inability: Inability): void {
  for (const limit of [...OURS, ...(inability.limits ?? [])]) {
    if (config.limits[limit] !== LIMITS[limit].usual)
      report.say(`limits.${LIMITS[limit].key}`, `is not carried over: ${target} has no such limit.`);
  }
  if (config.listen.port === 0)
    report.say('listen', 'is written as 8080: a port that the system chooses could not be found again.');
  const { tls } = config;
  if (tls !== undefined && tls.minVersion !== 'TLSv1.2')
    report.say(
      'tls.minVersion',
      `is not carried over: ${target} then takes the versions of its own default.`,
    );
  if (tls !== undefined && tls.ciphers !== DEFAULT_CIPHERS)
    report.say('tls.ciphers', `is not carried over: ${target} then takes the ciphers of its own default.`);
  if (config.expose)
    report.say(
      'expose',
      `adds x-upstream there and no x-affinity: ${target} does not say why it chose an upstream.`,
    );
  const prefix = isShorthand(config) ? () => '' : (pool: PoolConfig) => `pools.${pool.name}.`;
  for (const pool of config.pools) {
    if (pool.http2 && inability.http2 !== undefined)
      report.say(
        `${prefix(pool)}${isShorthand(config) ? 'upstreamHttp2' : 'http2'}`,
        `is not carried over: ${inability.http2}.`,
      );
    for (const name of Object.keys(pool.limits ?? {}) as LimitName[])
      report.say(
        `${prefix(pool)}limits.${LIMITS[name].key}`,
        "is not carried over: the gateway's own limit is written for all pools. Add it by hand.",
      );
    if (pool.health !== undefined && inability.probes !== undefined)
      report.say(`${prefix(pool)}health`, `is not carried over: ${inability.probes}.`);
    if (pool.passive.maxFails > 0 && inability.passive !== undefined)
      report.say(`${prefix(pool)}passive`, `is not carried over: ${inability.passive}.`);
  }
}
