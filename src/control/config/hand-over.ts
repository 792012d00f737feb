import type { Kinds } from '../../route/kinds.js';
import type { RouteConfig } from './config.js';
import type { Issue } from './problem.js';
import { sampleRule } from './sample-rule.js';

/**
 * A rule whose users another one is to take over needs that other one in front of it: rules behind the one
 * that decides neither read nor write.
 */
export function handOvers(
  routes: readonly (RouteConfig & { readonly at: readonly PropertyKey[] })[],
  issues: Issue[],
  kinds: Kinds,
): void {
  for (const { name: route, affinity, at } of routes) {
    affinity.forEach(({ name }, index) => {
      if (kinds.rule(name).handsOver !== true) return;
      if (affinity.slice(0, index).some((choice) => sampleRule(kinds, choice, route).bind !== undefined))
        return;
      const message =
        'has no rule above it that gives its users a cookie of this gateway, so they would need the old ones for ever. Write - cookie: {} above it.';
      issues.push({ path: [...at, 'affinity', index], message });
    });
  }
}
