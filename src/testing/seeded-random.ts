import type { Random } from '../base/random.js';

/** Chance that replays: the same seed, the same numbers (sfc32 by Chris Doty-Humphrey). Not for secrets. */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // Seeds that lie close to each other start alike; a dozen rounds part them.
  for (let round = 0; round < 12; round++) next();
  return {
    below: (below) => Math.floor((next() / 2 ** 32) * below),
    id: () => Array.from({ length: 4 }, () => next().toString(16).padStart(8, '0')).join(''),
  };
}

/** The list in an order drawn from `random`, as a new list. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}
