/**
 * A 64-bit number to calculate with, modulo 2^64, in two signed 32-bit halves: BigInt allocates at every
 * step, and hashes are on the way of each request. Whoever hashes keeps one and hands it over to be filled
 * again and again.
 */
export class Word64 {
  high = 0;
  low = 0;

  set(high: number, low: number): void {
    this.high = high | 0;
    this.low = low | 0;
  }

  add(high: number, low: number): void {
    this.low = (this.low + low) | 0;
    this.high = (this.high + high + carryOf(this.low, low)) | 0;
  }

  xor(high: number, low: number): void {
    this.high ^= high;
    this.low ^= low;
  }

  multiply(high: number, low: number): void {
    this.high = productHigh(this.high, this.low, high, low);
    this.low = Math.imul(this.low, low);
  }

  /** To the left, by 1 to 31 bits. */
  rotate(by: number): void {
    const { high, low } = this;
    this.high = (high << by) | (low >>> (32 - by));
    this.low = (low << by) | (high >>> (32 - by));
  }

  /** XORs the number with itself shifted right by 1 to 63 bits. */
  xorShifted(by: number): void {
    const { high, low } = this;
    if (by < 32) {
      this.low = low ^ ((low >>> by) | (high << (32 - by)));
      this.high = high ^ (high >>> by);
    } else {
      this.low = low ^ (high >>> (by - 32));
    }
  }

  /** As others print it; for tests and messages, not for the way of a request. */
  toBigInt(): bigint {
    return (BigInt(this.high >>> 0) << 32n) | BigInt(this.low >>> 0);
  }
}

/** 1 where adding `low` to a number of 32 bits went past them to give `sum`. */
export function carryOf(sum: number, low: number): number {
  return sum >>> 0 < low >>> 0 ? 1 : 0;
}

/**
 * The high half of a product; the low half is `Math.imul` of the low halves. From 16-bit pieces, so that no
 * sum passes 2^32.
 */
export function productHigh(high: number, low: number, otherHigh: number, otherLow: number): number {
  const a = low & 0xffff;
  const b = low >>> 16;
  const c = otherLow & 0xffff;
  const d = otherLow >>> 16;
  const ad = Math.imul(a, d) + (Math.imul(a, c) >>> 16);
  const bc = Math.imul(b, c) + (ad & 0xffff);
  return (
    (Math.imul(b, d) + (ad >>> 16) + (bc >>> 16) + Math.imul(high, otherLow) + Math.imul(low, otherHigh)) | 0
  );
}

/** Which of two unsigned 64-bit numbers is smaller: below 0 the first, 0 neither, above 0 the second. */
export function compareUnsigned(high: number, low: number, otherHigh: number, otherLow: number): number {
  return high === otherHigh ? (low >>> 0) - (otherLow >>> 0) : (high >>> 0) - (otherHigh >>> 0);
}

/**
 * Which of many unsigned 64-bit numbers, given by their halves, is the greatest: the first of equals, -1 if
 * all are 0.
 */
export function greatestOf(highs: Int32Array, lows: Int32Array): number {
  let greatest = -1;
  let greatestHigh = 0;
  let greatestLow = 0;
  for (let i = 0; i < highs.length; i++) {
    const high = highs[i]! >>> 0;
    if (high < greatestHigh) continue;
    const low = lows[i]! >>> 0;
    if (high === greatestHigh && low <= greatestLow) continue;
    greatest = i;
    greatestHigh = high;
    greatestLow = low;
  }
  return greatest;
}

/** What is left of an unsigned 64-bit number when it is divided by a whole number from 1 to 2^23. */
export function remainder(high: number, low: number, divisor: number): number {
  // As sums and products of doubles that stay below 2^53, and so far from the next whole quotient that the
  // division can't round up to it.
  const sum = ((high >>> 0) % divisor) * (2 ** 32 % divisor) + (low >>> 0);
  return sum - Math.floor(sum / divisor) * divisor;
}
