import type { Logger } from 'pino';
import type { HealthWatch } from './health-watch.js';
import type { MembershipOwner } from './membership.js';

/** What a membership does to the pools, and what the log says of it. */
export function membershipOwner(watch: HealthWatch, logger: Logger): MembershipOwner {
  return {
    changed: (pool, members) => watch.apply(pool, { kind: 'members', ...members }),
    refused: (pool, error) =>
      logger.warn({ pool, why: String(error) }, `pool ${pool} keeps its upstreams: ${String(error)}`),
    hold: (pool, down) => watch.hold(pool, down),
    isUp: (pool, id) => watch.isUp(pool, id),
    told: (pool, change, why) => {
      const told = Object.entries(change).filter(([, ids]) => (ids as readonly string[]).length > 0);
      const fields = told.map(([what, ids]) => [what, (ids as readonly string[]).slice(0, LISTED_MAX)]);
      const text = told.map(([what, ids]) => `${(ids as readonly string[]).length} ${what}`).join(', ');
      logger.info(
        { pool, why, ...Object.fromEntries(fields) },
        `upstreams of pool ${pool}: ${text} (${why})`,
      );
    },
    problem: (pool, source, problem) => {
      if (problem === undefined)
        logger.info({ pool, source }, `source ${source} of pool ${pool} is well again`);
      else logger.warn({ pool, source, why: problem }, `source ${source} of pool ${pool}: ${problem}`);
    },
  };
}

const LISTED_MAX = 20;
