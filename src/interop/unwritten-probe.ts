import type { HealthConfig } from '../control/config/config.js';
import type { Report } from './report.js';

/** Keys of a probe that an export writes only where its writer says so. */
const KEYS = {
  method: ({ method }: HealthConfig) => method !== undefined && method !== 'GET',
  host: ({ host }: HealthConfig) => host !== undefined,
  headers: ({ headers }: HealthConfig) => headers !== undefined,
  port: ({ port }: HealthConfig) => port !== undefined,
  status: ({ statuses }: HealthConfig) => statuses !== undefined,
  body: ({ contains }: HealthConfig) => contains !== undefined,
  json: ({ json }: HealthConfig) => json !== undefined,
  before: ({ before }: HealthConfig) => before !== undefined,
} as const;

/** Says of each that it is lost: the probe there is asked, and its answer judged, without it. */
export function sayUnwrittenProbe(health: HealthConfig | undefined, poolAt: string, report: Report): void {
  if (health === undefined) return;
  for (const [key, isSet] of Object.entries(KEYS))
    if (isSet(health))
      report.say(
        `${poolAt}health ${key}`,
        'is not carried over: the probe is asked and judged there without it. Add it by hand.',
      );
}
