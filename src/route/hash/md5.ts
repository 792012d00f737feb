// MD5 (RFC 1321) for placing keys as ketama does, never for security. Not node:crypto's: that takes some
// microseconds for each short key, and isn't there in FIPS mode.

/** RFC 1321 §3.4: the first 32 bits of the fraction of |sin(i + 1)|. */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))));
const TURNS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const;
const STEPS_A_ROUND = 16;
const SHIFTS = Uint8Array.from({ length: 64 }, (_, i) => TURNS[i >>> 4]![i & 3]!);
const PICKS = Uint8Array.from({ length: 64 }, (_, i) => [i, 5 * i + 1, 3 * i + 5, 7 * i][i >>> 4]! & 15);

const BLOCK_BYTES = 64;
/** The last block keeps eight bytes for the length, and at least one for the mark of the end. */
const LENGTH_AT = 14;
const block = new Int32Array(BLOCK_BYTES / 4);

/**
 * The digest of a byte string as four signed 32-bit numbers, the first four of its bytes, lowest first, in
 * `digest[0]`.
 */
export function md5(bytes: string, digest: Int32Array): void {
  digest[0] = 0x67452301;
  digest[1] = 0xefcdab89;
  digest[2] = 0x98badcfe;
  digest[3] = 0x10325476;
  const { length } = bytes;
  let start = 0;
  for (; start + BLOCK_BYTES <= length; start += BLOCK_BYTES) {
    fill(bytes, start, BLOCK_BYTES);
    mixBlock(digest);
  }
  const rest = length - start;
  fill(bytes, start, rest);
  block[rest >>> 2]! |= 0x80 << (8 * (rest & 3));
  if (rest >= 4 * LENGTH_AT) {
    mixBlock(digest);
    block.fill(0);
  }
  block[LENGTH_AT] = length << 3;
  block[LENGTH_AT + 1] = length >>> 29;
  mixBlock(digest);
}

function fill(bytes: string, start: number, count: number): void {
  block.fill(0);
  for (let i = 0; i < count; i++) block[i >>> 2]! |= bytes.charCodeAt(start + i) << (8 * (i & 3));
}

function mixBlock(digest: Int32Array): void {
  let a = digest[0]!;
  let b = digest[1]!;
  let c = digest[2]!;
  let d = digest[3]!;
  let step = 0;
  for (; step < STEPS_A_ROUND; step++) {
    const next = turned(step, a, (b & c) | (~b & d), b);
    a = d;
    d = c;
    c = b;
    b = next;
  }
  for (; step < 2 * STEPS_A_ROUND; step++) {
    const next = turned(step, a, (b & d) | (c & ~d), b);
    a = d;
    d = c;
    c = b;
    b = next;
  }
  for (; step < 3 * STEPS_A_ROUND; step++) {
    const next = turned(step, a, b ^ c ^ d, b);
    a = d;
    d = c;
    c = b;
    b = next;
  }
  for (; step < 4 * STEPS_A_ROUND; step++) {
    const next = turned(step, a, c ^ (b | ~d), b);
    a = d;
    d = c;
    c = b;
    b = next;
  }
  digest[0]! += a;
  digest[1]! += b;
  digest[2]! += c;
  digest[3]! += d;
}

function turned(step: number, a: number, mixed: number, b: number): number {
  const sum = (a + mixed + block[PICKS[step]!]! + SINES[step]!) | 0;
  const by = SHIFTS[step]!;
  return (((sum << by) | (sum >>> (32 - by))) + b) | 0;
}
