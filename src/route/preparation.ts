import type { RequestFacts } from './facts.js';
import { isReachable, type PoolSnapshot } from './pool/snapshot.js';
import type { Rule } from './affinity/rule.js';
import type { Affinity } from './router.js';

/**
 * Waits for rules that can't answer at once. Undefined, which is nearly always, when `decide` can be called
 * now. Rules behind one that decides already are not asked, unless its upstream is away and they may name a
 * stand-in.
 */
export function prepare(
  affinity: Affinity,
  facts: RequestFacts,
  pool: PoolSnapshot,
): Promise<void> | undefined {
  const last = affinity.rules.findLastIndex((rule) => rule.prepare !== undefined);
  return prepareFrom(0, last, affinity, facts, pool);
}

function prepareFrom(
  start: number,
  last: number,
  affinity: Affinity,
  facts: RequestFacts,
  pool: PoolSnapshot,
): Promise<void> | undefined {
  for (let at = start; at <= last; at++) {
    const rule = affinity.rules[at]!;
    const waiting = rule.prepare?.(facts);
    // Each rule is waited for once: one that has learnt nothing by then (its keys can't be fetched) must not
    // be asked for ever.
    if (waiting !== undefined)
      return waiting.then(() =>
        isSettled(rule, facts, pool) ? undefined : prepareFrom(at + 1, last, affinity, facts, pool),
      );
    if (at < last && isSettled(rule, facts, pool)) return undefined;
  }
  return undefined;
}

function isSettled(rule: Rule, facts: RequestFacts, pool: PoolSnapshot): boolean {
  const found = rule.find(facts, pool);
  return found.kind === 'keyed' || (found.kind === 'bound' && isReachable(pool, found.index));
}
