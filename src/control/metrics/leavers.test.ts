import { expect, it } from 'vitest';
import { Leavers } from './leavers.js';

const MINUTE = 60_000;
const NOW = 1_800_000_000_000;

it('counts each user once, and how many left within a minute', () => {
  const leavers = new Leavers(7);
  for (let user = 0; user < 6000; user++)
    for (let request = 0; request < 6; request++)
      leavers.left(`user-${user}`, NOW + Math.floor(user / 400) * MINUTE);
  const { seed, moved, movedLastMinute } = leavers.read(NOW + 15 * MINUTE);
  expect(seed).toBe(7);
  expect(Math.abs(moved - 6000)).toBeLessThan(60);
  expect(Math.abs(movedLastMinute - 400)).toBeLessThan(50);
  expect(leavers.read(NOW + 17 * MINUTE).movedLastMinute).toBe(0);
});

it('says what the first minute has brought so far', () => {
  const leavers = new Leavers(7);
  for (let user = 0; user < 10; user++) leavers.left(`user-${user}`, NOW);
  expect(leavers.read(NOW + 1000)).toEqual({ seed: 7, moved: 10, movedLastMinute: 10 });
});
