import { describe, expect, it } from 'vitest';
import { balanceContract, balanceFacts } from '../../testing/balance-contract.js';
import { roundRobin } from './round-robin.js';

const picks = (
  balance: ReturnType<typeof roundRobin.create>,
  facts: ReturnType<typeof balanceFacts>,
  count: number,
): string => Array.from({ length: count }, () => facts.pool.upstreams[balance.pick(facts)]!.id).join(' ');

describe('roundRobin', () => {
  for (const { name, run } of balanceContract(() => roundRobin.create({}))) it(name, run);

  it('mixes weights 5, 1, 1 as nginx does', () => {
    const facts = balanceFacts([{ id: 'a', weight: 5 }, { id: 'b' }, { id: 'c' }]);
    expect(picks(roundRobin.create({}), facts, 14)).toBe('a a b a c a a a a b a c a a');
  });

  it('keeps its place by id when the pool changes', () => {
    const balance = roundRobin.create({});
    expect(picks(balance, balanceFacts([{ id: 'a' }, { id: 'b' }, { id: 'c' }]), 1)).toBe('a');
    // The order is another one, and still it is the turn of b and c; d is new and comes before a has its
    // next.
    expect(picks(balance, balanceFacts([{ id: 'a' }, { id: 'b' }, { id: 'd' }, { id: 'c' }]), 4)).toBe(
      'b c d a',
    );
  });

  it('gives two uses turns of their own', () => {
    const facts = balanceFacts([{ id: 'a' }, { id: 'b' }]);
    expect([roundRobin.create({}), roundRobin.create({})].map((balance) => picks(balance, facts, 1))).toEqual(
      ['a', 'a'],
    );
  });
});
