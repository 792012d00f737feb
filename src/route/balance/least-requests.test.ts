import { describe, expect, it } from 'vitest';
import { balanceContract, balanceFacts } from '../../testing/balance-contract.js';
import { seededRandom, shuffled } from '../../testing/seeded-random.js';
import { leastRequests } from './least-requests.js';

const SEED = 5;

describe('leastRequests', () => {
  for (const { name, run } of balanceContract(() => leastRequests.create({}))) it(name, run);

  it('finds the least busy one in every order of the pool', () => {
    // Caddy's least_conn keeps candidates of an earlier, higher minimum; its test uses the one order that
    // hides that.
    const random = seededRandom(SEED);
    for (let round = 0; round < 500; round++) {
      const subjects = [5, 4, 4, 3, 3, 3, 2].map((load, i) => ({ id: `api-${i}`, load }));
      const facts = balanceFacts(shuffled(subjects, random), random);
      expect(facts.load[leastRequests.create({}).pick(facts)], `seed ${SEED}`).toBe(2);
    }
  });

  it('chooses among the least busy only, by weight', () => {
    const random = seededRandom(SEED);
    const counts: Record<string, number> = {};
    for (let round = 0; round < 4000; round++) {
      const subjects = [
        { id: 'busy', load: 2 },
        { id: 'light', load: 1 },
        { id: 'heavy', weight: 3, load: 3 },
        { id: 'busier', load: 9 },
      ];
      const facts = balanceFacts(shuffled(subjects, random), random);
      const { id } = facts.pool.upstreams[leastRequests.create({}).pick(facts)]!;
      counts[id] = (counts[id] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(['heavy', 'light']);
    expect(counts['heavy']! / counts['light']!, `seed ${SEED}`).toBeCloseTo(3, 0);
  });

  it('forgets those it had in hand when it meets a less busy one', () => {
    const random = seededRandom(SEED);
    const facts = balanceFacts(
      [9, 9, 9, 1, 1].map((load, i) => ({ id: `api-${i}`, load })),
      random,
    );
    const counts = new Float64Array(5);
    for (let round = 0; round < 2000; round++) counts[leastRequests.create({}).pick(facts)]!++;
    expect(Math.abs(counts[3]! - 1000), `seed ${SEED}`).toBeLessThan(100);
    expect(counts[3]! + counts[4]!).toBe(2000);
  });

  it('counts requests per weight', () => {
    const facts = balanceFacts([
      { id: 'light', load: 2 },
      { id: 'heavy', weight: 10, load: 11 },
    ]);
    expect(leastRequests.create({}).pick(facts)).toBe(1);
  });
});
