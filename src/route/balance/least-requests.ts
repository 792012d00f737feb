import type { Balance, BalanceFacts } from './balance.js';
import { type BalanceDefinition, NO_OPTIONS } from './definition.js';
import { DRAWS, isLessBusy, isOpen } from './open.js';

/** The upstream with the fewest requests in progress for its weight. */
export const leastRequests: BalanceDefinition = {
  name: 'leastRequests',
  options: NO_OPTIONS,
  create: () => pickLeast,
};

/**
 * Among equals a draw by weight decides: always taking the first would give it everything while the pool is
 * idle.
 */
const pickLeast: Balance = {
  name: 'leastRequests',
  pick(facts: BalanceFacts): number {
    const { upstreams } = facts.pool;
    let best = -1;
    let equals = 0;
    let weights = 0;
    for (let index = 0; index < upstreams.length; index++) {
      if (!isOpen(facts, index)) continue;
      if (best === -1 || isLessBusy(facts, index, best)) {
        best = index;
        equals = 0;
        weights = 0;
      } else if (isLessBusy(facts, best, index)) {
        continue;
      }
      equals++;
      weights += upstreams[index]!.weight;
    }
    if (equals < 2) return best;
    let left = (facts.random.below(DRAWS) / DRAWS) * weights;
    const least = best;
    for (let index = least; index < upstreams.length; index++) {
      if (!isOpen(facts, index) || isLessBusy(facts, least, index)) continue;
      best = index;
      left -= upstreams[index]!.weight;
      if (left < 0) break;
    }
    return best;
  },
};
