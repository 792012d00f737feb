import type { Found, Rule } from './affinity/rule.js';
import type { RequestFacts } from './facts.js';
import type { Why } from './outcome.js';
import type { PoolSnapshot } from './pool/snapshot.js';
import { mayHaveLeft, turnToLeave, type Drain } from './pool/standing.js';
import type { SweepKey } from './sweep.js';

export type Bound = Extract<Found, { kind: 'bound' }>;
/** What decides where a request goes. */
export type Deciding = Extract<Found, { kind: 'bound' | 'keyed' }>;

export function decides(found: Found): found is Deciding {
  return found.kind === 'bound' || found.kind === 'keyed';
}

/** Does the user leave an upstream that is emptied, with this request? */
export function hasLeft(
  drain: Drain,
  key: SweepKey | undefined,
  facts: RequestFacts,
  rule: Rule,
  found: Deciding,
): boolean {
  if (facts.nowMs >= drain.untilMs) return true;
  // Without an identity, users are told apart by where they come from.
  const turn = turnToLeave(drain, key ?? facts.line.clientAddress, facts.nowMs);
  return turn === 'now' || (turn === 'if quiet' && isGoodMoment(drain, facts, rule, found));
}

/** The user was quiet, or comes to a new page, which then is loaded from one upstream. */
function isGoodMoment({ quietMs }: Drain, facts: RequestFacts, rule: Rule, found: Deciding): boolean {
  if (found.kind === 'bound' && found.binding !== undefined) {
    const quiet = rule.quietMs?.(found.binding, facts.nowMs) ?? 0;
    if (quiet >= quietMs) return true;
  }
  return facts.isNavigation;
}

/**
 * Near its turn to leave, a binding is not written again: the answer may come behind that of another request,
 * which has moved the user meanwhile. Unless it would expire.
 */
export function mayRefresh(pool: PoolSnapshot, { index, binding }: Bound, nowMs: number): boolean {
  const standing = pool.standings[index]!;
  if (typeof standing === 'string' || binding === undefined) return true;
  if (!mayHaveLeft(standing.leaving, binding.identity, nowMs)) return true;
  return binding.idleMs !== 0 && nowMs - binding.refreshedAtMs > binding.idleMs / 2;
}

/** Under `rehome`: a failure is short until it was long. What an operator takes out is out. */
export function isAwayForGood(
  pool: PoolSnapshot,
  { rehomeAfterMs = 0 }: Rule,
  found: Deciding,
  why: Why,
  nowMs: number,
): boolean {
  // Without an identity a borrower would have another stand-in at each request.
  if (rehomeAfterMs === 0 || found.kind !== 'bound' || found.binding === undefined) return true;
  if (why !== 'down' || pool.standings[found.index] === 'out') return true;
  const since = pool.awaySince[found.index]!;
  if (since === 0) return pool.conditions[found.index] === 'down';
  return nowMs - since >= rehomeAfterMs;
}

/** Does any of the first rules write a binding? */
export function canBind(rules: readonly Rule[], count: number): boolean {
  for (let at = 0; at < count; at++) if (rules[at]!.bind !== undefined) return true;
  return false;
}

/** Why an upstream can't be used: health's word comes before an operator's. */
export function whyAway(pool: PoolSnapshot, index: number): Why {
  if (pool.conditions[index] === 'down') return 'down';
  return pool.standings[index] === 'out' ? 'out' : 'draining';
}

/**
 * A key for a bound user whose upstream is away: a later rule's, or the binding's own, which keeps a borrower
 * in one place and takes the requests of one page to one upstream. `asked`: the rule that found the binding.
 */
export function standInKey(
  rules: readonly Rule[],
  asked: number,
  facts: RequestFacts,
  pool: PoolSnapshot,
  { binding }: Bound,
): string | undefined {
  for (let at = asked + 1; at < rules.length; at++) {
    const found = rules[at]!.find(facts, pool);
    if (found.kind === 'keyed') return found.key;
  }
  return binding?.key;
}
