import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { hash01, hashOfKey, passed, progressOf, type Sweep, sweepSeed, turnOf } from './sweep.js';

const MINUTE = 60_000;
const FROM = 1_800_000_000_000;
const sweep: Sweep = { seed: sweepSeed('drain', 'api-2'), fromMs: FROM, untilMs: FROM + 30 * MINUTE };
const keys = (seed: number, count: number): string[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.id());
};

describe('a sweep', () => {
  it('gives each user one turn, before which it has not passed and after which it has', () => {
    const random = seededRandom(1);
    for (const key of keys(2, 2000)) {
      const turn = turnOf(sweep, key);
      expect(turn).toBeGreaterThanOrEqual(sweep.fromMs);
      expect(turn).toBeLessThan(sweep.untilMs);
      let hasPassed = false;
      for (let now = FROM - MINUTE; now < FROM + 32 * MINUTE; now += 1 + random.below(4 * MINUTE)) {
        const now_ = passed(sweep, key, now);
        expect(now_, `${key} at ${now}`).toBe(now > turn || now >= sweep.untilMs);
        expect(hasPassed && !now_).toBe(false);
        hasPassed = now_;
      }
    }
  });

  it('begins with nobody and ends with everybody', () => {
    for (const key of keys(3, 1000)) {
      expect(passed(sweep, key, sweep.fromMs)).toBe(false);
      expect(passed(sweep, key, sweep.untilMs)).toBe(true);
    }
  });

  it.each([4, 5, 6])('moves alike in each minute (seed %i)', (seed) => {
    const perMinute = new Array<number>(30).fill(0);
    const count = 30_000;
    for (const key of keys(seed, count)) perMinute[Math.floor((turnOf(sweep, key) - FROM) / MINUTE)]!++;
    for (const moved of perMinute) expect(Math.abs(moved - count / 30)).toBeLessThan(0.15 * (count / 30));
  });

  it('draws other turns with another seed, and tells keys apart that differ little', () => {
    const other = sweepSeed('drain', 'api-3');
    let near = 0;
    for (let user = 0; user < 10_000; user++)
      if (Math.abs(hash01(sweep.seed, `user-${user}`) - hash01(other, `user-${user}`)) < 0.01) near++;
    // Two draws of chance are that near in 2 % of all cases.
    expect(near).toBeLessThan(300);
    // Also seeds that differ in one bit.
    const apart = [0, 1, 2, 3].map((seed) => hash01(seed, 'one user'));
    expect(new Set(apart.map((draw) => Math.floor(draw * 1000))).size).toBe(4);
  });

  it('is the same in a gateway that was never told of another', () => {
    const same: Sweep = { ...sweep };
    for (const key of keys(7, 500))
      expect(turnOf(same, hashOfKey(key)), 'by its hash').toBe(turnOf(sweep, key));
    // Written down, so that another version of this program agrees with this one.
    expect([sweep.seed, hash01(sweep.seed, 'user-42'), hash01(1, '')]).toMatchInlineSnapshot(`
      [
        264383296,
        0.38078270643018186,
        0.37618676433339715,
      ]
    `);
  });

  it('a clock that is off by s gives each user its turn s earlier or later, and nobody two', () => {
    const random = seededRandom(8);
    for (const key of keys(9, 1000)) {
      const skews = [-2000, 0, 2000];
      const firsts = skews.map((skew) => {
        for (let now = FROM; ; now += 500) if (passed(sweep, key, now + skew)) return now;
      });
      expect(Math.max(...firsts) - Math.min(...firsts)).toBeLessThanOrEqual(4500);
      // A user who was moved by one gateway belongs elsewhere: its next requests may go by any clock.
      const skew = skews[random.below(3)]!;
      expect(passed(sweep, key, Math.max(...firsts) + 4000 + skew)).toBe(true);
    }
  });

  it('without a length is over at once', () => {
    const now: Sweep = { seed: 1, fromMs: FROM, untilMs: FROM };
    expect([passed(now, 'a', FROM - 1), passed(now, 'a', FROM)]).toEqual([false, true]);
    expect([progressOf(now, FROM - 1), progressOf(now, FROM)]).toEqual([0, 1]);
    expect(progressOf(sweep, FROM + 15 * MINUTE)).toBe(0.5);
  });
});
