/**
 * A 64-bit number to calculate with, modulo 2^64, in two signed 32-bit halves: BigInt allocates at every step, and hashes
 * are on the way of each request. Whoever hashes keeps one and hands it over to be filled again and again.
 */
export class Word64 {
  high = 0;
  low = 0;

  set(high: number, low: number): void {
    this.high = high | 0;
    this.low = low | 0;
  }

  add(high: number, low: number): void {
    const sum = (this.low + low) | 0;
    this.high = (this.high + high + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0;
    this.low = sum;
  }

  xor(high: number, low: number): void {
    this.high ^= high;
    this.low ^= low;
  }

  multiply(high: number, low: number): void {
    const ownLow = this.low;
    // The high half of low × low from 16-bit pieces: none of the sums below passes 2^32.
    const a = ownLow & 0xffff;
    const b = ownLow >>> 16;
    const c = low & 0xffff;
    const d = low >>> 16;
    const ad = Math.imul(a, d) + (Math.imul(a, c) >>> 16);
    const bc = Math.imul(b, c) + (ad & 0xffff);
    const carried = (Math.imul(b, d) + (ad >>> 16) + (bc >>> 16)) | 0;
    this.high = (carried + Math.imul(this.high, low) + Math.imul(ownLow, high)) | 0;
    this.low = Math.imul(ownLow, low);
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

/** Which of two unsigned 64-bit numbers is smaller: below 0 the first, 0 neither, above 0 the second. */
export function compareUnsigned(high: number, low: number, otherHigh: number, otherLow: number): number {
  return high === otherHigh ? (low >>> 0) - (otherLow >>> 0) : (high >>> 0) - (otherHigh >>> 0);
}
