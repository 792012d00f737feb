import type { Decision } from './router.js';

/** What a walk asks of the pool. */
export interface Trials {
  /** True: this request is the one that tries an upstream whose condition is `trial`. */
  beginTrial(id: string): boolean;
}

/** Where a walk stops: at no upstream, at one that is tried as usual, or at one whose trial this is. */
export type WalkEnd = 'none' | 'usual' | 'trial';

/**
 * Moves a decision from where it stands to the upstream that may be tried now. The gateway and the client
 * walk the same way.
 */
export function walk(decision: Decision, trials: Trials, triesLeft: number): WalkEnd {
  if (triesLeft <= 0) return 'none';
  while (decision.index !== -1) {
    if (decision.pool.conditions[decision.index] !== 'trial') return 'usual';
    if (trials.beginTrial(decision.pool.upstreams[decision.index]!.id)) return 'trial';
    // Another request was faster; for this one the upstream is still down.
    decision.next('unreachable');
  }
  return 'none';
}
