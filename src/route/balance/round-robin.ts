import type { Upstream } from '../pool/upstream.js';
import type { Balance, BalanceFacts } from './balance.js';
import { type BalanceDefinition, NO_OPTIONS } from './definition.js';
import { isOpen } from './open.js';

/** Each upstream in turn, by weight. */
export const roundRobin: BalanceDefinition = {
  name: 'roundRobin',
  options: NO_OPTIONS,
  create: () => new RoundRobin(),
};

/**
 * nginx's smooth weighted round robin (ngx_http_upstream_get_peer): at every pick each open upstream earns
 * its weight, the richest is chosen and pays what all of them earned. Weights 5, 1, 1 give a a b a c a a, not
 * a a a a a b c.
 */
class RoundRobin implements Balance {
  readonly name = 'roundRobin';
  #upstreams: readonly Upstream[] = [];
  #credit = new Float64Array(0);

  pick(facts: BalanceFacts): number {
    const { upstreams } = facts.pool;
    if (upstreams !== this.#upstreams) this.#follow(upstreams);
    const credit = this.#credit;
    let best = -1;
    let earned = 0;
    for (let index = 0; index < upstreams.length; index++) {
      if (!isOpen(facts, index)) continue;
      const { weight } = upstreams[index]!;
      earned += weight;
      credit[index]! += weight;
      if (best === -1 || credit[index]! > credit[best]!) best = index;
    }
    if (best !== -1) credit[best]! -= earned;
    return best;
  }

  /** The pool's members changed: who stayed keeps its place in the turns. */
  #follow(upstreams: readonly Upstream[]): void {
    const before = new Map(this.#upstreams.map(({ id }, index) => [id, this.#credit[index]!]));
    this.#credit = Float64Array.from(upstreams, ({ id }) => before.get(id) ?? 0);
    this.#upstreams = upstreams;
  }
}
