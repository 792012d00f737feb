/**
 * Spreads a 32-bit number over all 32 bits, one to one ("lowbias32", the two-round mixer with the lowest bias
 * that https://github.com/skeeto/hash-prospector found). Signed, for the reason given at `xxh32`.
 */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/**
 * One number for a mixed 32-bit number (`mix32`) and two 32-bit hashes of a name. The second hash joins
 * between the two rounds: with one alone, `x ^ a` and `y ^ b` would meet in the same number, and two names
 * would draw the same lots.
 */
export function mixPair(mixed: number, first: number, second: number): number {
  let h = mixed ^ first;
  h = (Math.imul(h ^ (h >>> 16), 0x7feb352d) + second) | 0;
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
