import type { BalanceDefinition } from './definition.js';
import { leastRequests } from './least-requests.js';
import { roundRobin } from './round-robin.js';
import { twoChoices } from './two-choices.js';

/** Every balance that `balance:` can name; the first is the default. */
export const balances: readonly BalanceDefinition[] = [leastRequests, roundRobin, twoChoices];
