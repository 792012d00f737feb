import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { headEnd } from './head-end.js';

describe('headEnd', () => {
  it('finds the first empty line where indexOf finds it, whatever stands around it', () => {
    const seed = Math.floor(performance.timeOrigin);
    const random = seededRandom(seed);
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(
        Array.from({ length: random.below(40) }, () => [13, 10, 13, 10, 65, 32, 9][random.below(7)]!),
      );
      const from = random.below(bytes.length + 1);
      const end = from + random.below(bytes.length - from + 1);
      const at = bytes.subarray(from, end).indexOf('\r\n\r\n');
      expect(
        headEnd(bytes, from, end),
        `seed ${seed}, round ${round}: ${JSON.stringify(bytes.toString())} from ${from} to ${end}`,
      ).toBe(at === -1 ? -1 : from + at + 4);
    }
  });
});
