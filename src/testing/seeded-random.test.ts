import { expect, it } from 'vitest';
import { seededRandom, shuffled } from './seeded-random.js';

const draw = (seed: number) => {
  const random = seededRandom(seed);
  return [random.below(1000), random.below(2 ** 32), random.id(), shuffled([1, 2, 3, 4, 5], random)];
};

it('the same seed draws the same, another seed something else', () => {
  expect(draw(42)).toEqual(draw(42));
  expect(draw(42)).not.toEqual(draw(43));
  expect(draw(2 ** 40)).not.toEqual(draw(0));
});

it('numbers stay below the bound and reach all of it alike', () => {
  const random = seededRandom(1);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) counts[random.below(5)]!++;
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
});

it('an id is 32 hexadecimal digits', () => {
  expect(seededRandom(1).id()).toMatch(/^[0-9a-f]{32}$/);
});
