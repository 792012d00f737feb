const MASK = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

/**
 * The key of eight bytes whose XXH64 (seed 0) is this hash: each step of XXH64 over eight bytes can be gone
 * back. So a test that others wrote about hashes can be put to a placement as keys.
 */
export function keyWithXxh64(hash: bigint): string {
  let h = unshifted(hash & MASK, 32n);
  h = unshifted((h * inverse(P3)) & MASK, 29n);
  h = unshifted((h * inverse(P2)) & MASK, 33n);
  h = rotatedRight(((h - P4) * inverse(P1)) & MASK, 27n) ^ (P5 + 8n);
  const word = (rotatedRight((h * inverse(P1)) & MASK, 31n) * inverse(P2)) & MASK;
  return String.fromCharCode(...Array.from({ length: 8 }, (_, i) => Number((word >> BigInt(8 * i)) & 255n)));
}

/** Of an odd number, modulo 2^64, by Newton's method: each step doubles the bits that are right. */
function inverse(odd: bigint): bigint {
  let found = odd;
  for (let right = 3; right < 64; right *= 2) found = (found * (2n - odd * found)) & MASK;
  return found;
}

/** What was there before it was XORed with itself shifted right. */
function unshifted(value: bigint, by: bigint): bigint {
  let found = value;
  for (let right = by; right < 64n; right += by) found = value ^ (found >> by);
  return found;
}

function rotatedRight(value: bigint, by: bigint): bigint {
  return ((value >> by) | (value << (64n - by))) & MASK;
}
