import { isDeepStrictEqual } from 'node:util';
import type { RouteConfig } from '../config/config.js';
import { isSameMembers } from '../../route/placement/members.js';
import { membersOf } from '../../route/pool/upstream.js';
import type { Outlook, SampledRule } from './outlook.js';

/** Nothing that places a key has changed, so that no key needs to be drawn. */
export function isSamePlacing(
  before: Outlook,
  after: Outlook,
  old: RouteConfig,
  now: RouteConfig,
  oldRule: SampledRule,
  nowRule: SampledRule,
): boolean {
  const [was, is] = [before.pools.get(old.pool)!, after.pools.get(now.pool)!];
  const choice = ({ config }: Outlook, name: string) =>
    config.pools.find((pool) => pool.name === name)?.placement;
  return (
    isSameMembers(membersOf(was.upstreams), membersOf(is.upstreams)) &&
    isDeepStrictEqual(was.standings, is.standings) &&
    isDeepStrictEqual(choice(before, old.pool), choice(after, now.pool)) &&
    oldRule.label === nowRule.label &&
    // Other options may find other keys, such as those of a wider network.
    isDeepStrictEqual(oldRule.options, nowRule.options)
  );
}
