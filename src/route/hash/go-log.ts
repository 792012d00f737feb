// Of 1 + f: the coefficients of FreeBSD's e_log.c (Sun Microsystems, 1993), which Go uses too.
const L1 = 6.66666666666673513e-1;
const L2 = 3.999999999940941908e-1;
const L3 = 2.857142874366239149e-1;
const L4 = 2.222219843214978396e-1;
const L5 = 1.818357216161805012e-1;
const L6 = 1.531383769920937332e-1;
const L7 = 1.479819860511658591e-1;
const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;

const POWERS_OF_TWO = Float64Array.from({ length: 33 }, (_, power) => 2 ** power);

/**
 * The natural logarithm of a number from 2^-64 to below 1, to the very bit that Go's `math.Log` gives on
 * amd64 (src/math/log_amd64.s): `Math.log` takes other steps, and may differ in the last bit. Go on arm64
 * fuses some of these steps, and may differ from Go on amd64.
 */
export function goLog(x: number): number {
  // x = fraction × 2^k, the fraction from 1/2 to below 1: by the zeros that x begins with, which is faster
  // than to take its bits apart.
  const shifted = x < 2 ** -32 ? x * 2 ** 32 : x;
  const zeros = Math.clz32(shifted * 2 ** 32);
  let fraction = shifted * POWERS_OF_TWO[zeros]!;
  let k = x < 2 ** -32 ? -32 - zeros : -zeros;
  if (fraction <= Math.SQRT1_2) {
    fraction *= 2;
    k--;
  }
  const f = fraction - 1;
  const s = f / (2 + f);
  const s2 = s * s;
  const s4 = s2 * s2;
  const odd = s2 * (L1 + s4 * (L3 + s4 * (L5 + s4 * L7)));
  const even = s4 * (L2 + s4 * (L4 + s4 * L6));
  const halfSquare = 0.5 * f * f;
  return k * LN2_HIGH - (halfSquare - (s * (halfSquare + (odd + even)) + k * LN2_LOW) - f);
}
