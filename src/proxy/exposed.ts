import type { Decision } from '../route/router.js';
import type { ServedRoute } from './served-route.js';

/**
 * `x-upstream` and `x-affinity: <outcome> by <rule> (<why>)`, for `expose: true`. Empty before a decision was
 * taken.
 */
export function exposedFields(decision: Decision | undefined, route: ServedRoute | undefined): string {
  if (decision === undefined) return '';
  const by = decision.rule === undefined ? '' : ` by ${route!.ruleName(decision.rule)}`;
  const why = decision.why === undefined ? '' : ` (${decision.why})`;
  const upstream =
    decision.index === -1 ? '' : `x-upstream: ${decision.pool.upstreams[decision.index]!.id}\r\n`;
  return `${upstream}x-affinity: ${decision.outcome}${by}${why}\r\n`;
}
