import type { Balance, BalanceFacts } from './balance.js';
import { type BalanceDefinition, NO_OPTIONS } from './definition.js';
import { drawByWeight, isLessBusy } from './open.js';

/** The less busy of two upstreams drawn at random. */
export const twoChoices: BalanceDefinition = {
  name: 'twoChoices',
  options: NO_OPTIONS,
  create: () => pickOfTwo,
};

/**
 * "The power of two choices" (Mitzenmacher, 2001). Several gateways that each know only their own requests
 * don't all run to the same idle upstream, as they do with `leastRequests`.
 */
const pickOfTwo: Balance = {
  name: 'twoChoices',
  pick(facts: BalanceFacts): number {
    const one = drawByWeight(facts, -1);
    if (one === -1) return -1;
    const other = drawByWeight(facts, one);
    return other !== -1 && isLessBusy(facts, other, one) ? other : one;
  },
};
