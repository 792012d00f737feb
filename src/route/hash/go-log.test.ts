import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { goLog } from './go-log.js';

const SEED = 8;

/** The steps of src/math/log.go, which are those of log_amd64.s, with math.Frexp as it is there. */
function plainLog(x: number): number {
  let k = 0;
  let fraction = x;
  for (; fraction < 0.5; k--) fraction *= 2;
  if (fraction < Math.SQRT1_2) {
    fraction *= 2;
    k--;
  }
  const f = fraction - 1;
  const s = f / (2 + f);
  const s2 = s * s;
  const s4 = s2 * s2;
  const t1 =
    s2 *
    (6.66666666666673513e-1 +
      s4 * (2.857142874366239149e-1 + s4 * (1.818357216161805012e-1 + s4 * 1.479819860511658591e-1)));
  const t2 = s4 * (3.999999999940941908e-1 + s4 * (2.222219843214978396e-1 + s4 * 1.531383769920937332e-1));
  const hfsq = 0.5 * f * f;
  return (
    k * 6.9314718036912381649e-1 - (hfsq - (s * (hfsq + (t1 + t2)) + k * 1.90821492927058770002e-10) - f)
  );
}

describe('goLog', () => {
  it('is exact where the logarithm is', () => {
    for (const power of [1, 2, 4, 8, 16, 32, 64]) expect(goLog(2 ** -power)).toBe(-power * Math.LN2);
  });

  it(`takes the steps of Go, and is within a unit in the last place of Math.log (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const edges = [1 - 2 ** -53, 2 ** -32, 2 ** -32 - 2 ** -80, 2 ** -64, Math.SQRT1_2, Math.SQRT1_2 / 8];
    for (let i = 0; i < 20_000; i++)
      edges.push(
        (random.below(2 ** 32) + 0.5 + random.below(2 ** 20) / 2 ** 21) / 2 ** (32 + random.below(32)),
      );
    let differences = 0;
    for (const x of edges) {
      const log = goLog(x);
      if (log !== plainLog(x) || Math.abs(log - Math.log(x)) > Math.abs(log) * 2 ** -52) differences++;
    }
    expect(differences).toBe(0);
  });
});
