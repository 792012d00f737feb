import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { goLog } from './go-log.js';

const SEED = 8;

describe('goLog', () => {
  it('is exact where the logarithm is', () => {
    expect(goLog(1)).toBe(0);
    expect(goLog(0.5)).toBe(-Math.LN2);
    expect(goLog(2)).toBe(Math.LN2);
  });

  it('gives what the test suite of Go expects of math.Log', () => {
    // src/math/all_test.go, `vf` and `log`, for the absolute values; Go compares them with a tolerance of its own, as here.
    const known: [number, number][] = [
      [4.9790119248836735, 1.605231462693062999102599e0],
      [7.7388724745781045, 2.0462560018708770653153909e0],
      [0.27688005719200159, -1.2841708730962657801275038e0],
      [5.0106036182710749, 1.6115563905281545116286206e0],
      [9.6362937071984173, 2.2655365644872016192686461e0],
      [2.9263772392439646, 1.0737652208918379856272735e0],
      [5.2290834314593066, 1.6542360106073546632707956e0],
      [2.7279399104360102, 1.0035467127723465801264487e0],
      [1.8253080916808550, 6.0174879014578057187016475e-1],
      [8.6859247685756013, 2.161703872847352815363655e0],
    ];
    for (const [x, log] of known) expect(Math.abs(goLog(x) / log - 1)).toBeLessThan(4e-16);
  });

  it(`is within a unit in the last place of Math.log (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let i = 0; i < 20_000; i++) {
      const x = (random.below(2 ** 32) + 1) / 2 ** (random.below(60) + 1);
      const log = Math.log(x);
      expect(Math.abs(goLog(x) - log)).toBeLessThanOrEqual(Math.abs(log) * 2 ** -52);
    }
  });
});
