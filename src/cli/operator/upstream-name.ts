import { StickyError } from '../../base/errors.js';
import { nearestName } from '../../base/nearest-name.js';
import type { PoolStateView } from '../../control/admin/admin-views.js';

/** An upstream of a running gateway. */
export interface FoundUpstream {
  readonly pool: string;
  readonly upstream: string;
}

/** `pool/upstream`, or `upstream` where only one pool has one of that name. */
export function findByName(name: string, pools: readonly PoolStateView[], gateway: string): FoundUpstream {
  const all = pools.flatMap((pool) => pool.upstreams.map(({ id }) => ({ pool: pool.name, upstream: id })));
  const found = all.filter((each) => each.upstream === name || written(each) === name);
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw refusal(
      `${gateway}: ${found.length} pools have an upstream ${name}. Write one of ${found.map(written).join(', ')}.`,
    );
  const names = [...all.map(({ upstream }) => upstream), ...all.map(written)];
  const meant = nearestName(name, names);
  throw refusal(
    `${gateway}: there is no upstream ${name}. ${meant === undefined ? 'stickyroute upstreams lists them.' : `Did you mean ${meant}?`}`,
  );
}

export function pathOf({ pool, upstream }: FoundUpstream): string {
  return `/pools/${encodeURIComponent(pool)}/upstreams/${encodeURIComponent(upstream)}`;
}

function written({ pool, upstream }: FoundUpstream): string {
  return `${pool}/${upstream}`;
}

function refusal(message: string): StickyError {
  return new StickyError('STICKY_OPERATION_REFUSED', message);
}
