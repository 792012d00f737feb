import type { PoolSnapshot } from '../route/pool/snapshot.js';
import type { Drain, Standing } from '../route/pool/standing.js';
import { hasOthers, plannedDrain, type DrainOptions } from './drain-plan.js';
import { OperationRefused } from './operations.js';

/** The standing that an operator's drain asks for. Throws OperationRefused when it can't be had. */
export function askedDrain(
  snapshot: PoolSnapshot,
  pool: string,
  id: string,
  options: DrainOptions,
  nowMs: number,
): Standing {
  const planned = plannedDrain(id, options, nowMs);
  if (typeof planned === 'string') return planned;
  if ('problem' in planned) throw new OperationRefused('invalid', `drain ${planned.problem}`);
  // The same again is the one that is under way, not one that begins anew.
  const now = snapshot.standings[snapshot.indexOf(id)!]!;
  if (typeof now === 'object' && isSameEnd(now.leaving, planned.leaving)) return now;
  if (!hasOthers(snapshot, id))
    throw new OperationRefused(
      'conflict',
      `Upstream "${id}" is the only one of pool "${pool}" that takes new users, so its users have nowhere to go. Add or enable another first.`,
    );
  return planned;
}

/** With the same end and pace. */
function isSameEnd(one: Drain, other: Drain): boolean {
  return one.untilMs === other.untilMs && one.quietMs === other.quietMs;
}
