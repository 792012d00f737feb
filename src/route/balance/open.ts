import { takesNewUsers } from '../pool/snapshot.js';
import type { BalanceFacts } from './balance.js';

/** May this request go there? */
export function isOpen(facts: BalanceFacts, index: number): boolean {
  return takesNewUsers(facts.pool, index) && !facts.tried(index);
}

/**
 * Has `a` fewer requests for its weight than `b`? Multiplied out, since a division would round equal shares
 * apart.
 */
export function isLessBusy(facts: BalanceFacts, a: number, b: number): boolean {
  const { upstreams } = facts.pool;
  return facts.load[a]! * upstreams[b]!.weight < facts.load[b]! * upstreams[a]!.weight;
}

/** The open upstream that a draw by weight hits, `except` one (-1: none); -1 when there is no other. */
export function drawByWeight(facts: BalanceFacts, except: number): number {
  const { upstreams } = facts.pool;
  let total = 0;
  for (let index = 0; index < upstreams.length; index++) {
    if (index !== except && isOpen(facts, index)) total += upstreams[index]!.weight;
  }
  if (total === 0) return -1;
  let left = (facts.random.below(DRAWS) / DRAWS) * total;
  let last = -1;
  for (let index = 0; index < upstreams.length; index++) {
    if (index === except || !isOpen(facts, index)) continue;
    last = index;
    left -= upstreams[index]!.weight;
    if (left < 0) break;
  }
  return last;
}

export const DRAWS = 2 ** 32;
