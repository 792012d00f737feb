import { describe, expect, it } from 'vitest';
import { balanceContract, balanceFacts } from '../../testing/balance-contract.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { twoChoices } from './two-choices.js';

const SEED = 6;

describe('twoChoices', () => {
  for (const { name, run } of balanceContract(() => twoChoices.create({}))) it(name, run);

  it('takes the less busy one of two', () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 200; round++) {
      const facts = balanceFacts(
        [
          { id: 'a', load: 3 },
          { id: 'b', load: 2 },
        ],
        random,
      );
      expect(twoChoices.create({}).pick(facts), `seed ${SEED}`).toBe(1);
    }
  });

  it('never takes the busiest of three, and takes both others', () => {
    const random = seededRandom(SEED);
    const facts = balanceFacts(
      [
        { id: 'a', load: 1 },
        { id: 'b', load: 9 },
        { id: 'c', load: 2 },
      ],
      random,
    );
    const picked = new Set(Array.from({ length: 200 }, () => twoChoices.create({}).pick(facts)));
    expect([...picked].sort(), `seed ${SEED}`).toEqual([0, 2]);
  });

  it('compares requests per weight', () => {
    const facts = balanceFacts([
      { id: 'light', load: 2 },
      { id: 'heavy', weight: 10, load: 11 },
    ]);
    for (let round = 0; round < 100; round++) expect(twoChoices.create({}).pick(facts)).toBe(1);
  });
});
