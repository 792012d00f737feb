import { fnv1a64, fnv1a64More, FNV_PRIME_64 } from './fnv1a.js';
import { productHigh, Word64 } from './word64.js';

const LOWEST_BYTE = 0xff;

/**
 * FNV-1a of 64 bits of one prefix with each of many suffixes behind it, all byte strings; a suffix is read
 * 256 times at most, however many prefixes come. A step is (hash ^ byte) × prime: the byte meets only the
 * hash's lowest byte, and n steps multiply the rest by prime^n. So the hash is the sum of that product, which
 * all suffixes of one length share, and of what the steps make of the lowest byte alone: that is kept for
 * each of its 256 values, 2 KiB a suffix in all.
 */
export class Fnv1a64Each {
  /** What `hash` found, in halves. */
  readonly highs: Int32Array;
  readonly lows: Int32Array;
  readonly #suffixes: readonly string[];
  /** prime^n for each length that occurs, and which of these each suffix has. */
  readonly #powers: readonly Word64[];
  readonly #lengthOf: Uint32Array;
  /** The prefix's hash without its lowest byte, times each power. */
  readonly #productHighs: Int32Array;
  readonly #productLows: Int32Array;
  /** By lowest byte, once it was met: what each suffix makes of it, the high half before the low one. */
  readonly #fromByte: (Int32Array | undefined)[] = new Array(LOWEST_BYTE + 1).fill(undefined);
  readonly #word = new Word64();

  constructor(suffixes: readonly string[]) {
    this.highs = new Int32Array(suffixes.length);
    this.lows = new Int32Array(suffixes.length);
    this.#suffixes = suffixes;
    const lengths = [...new Set(suffixes.map(({ length }) => length))];
    this.#powers = lengths.map(primeToThe);
    this.#lengthOf = Uint32Array.from(suffixes, ({ length }) => lengths.indexOf(length));
    this.#productHighs = new Int32Array(lengths.length);
    this.#productLows = new Int32Array(lengths.length);
  }

  hash(prefix: string): void {
    const word = this.#word;
    fnv1a64(prefix, word);
    const lowest = word.low & LOWEST_BYTE;
    const fromByte = (this.#fromByte[lowest] ??= this.#from(lowest));
    this.#multiply(word.high, word.low & ~LOWEST_BYTE);
    const { highs, lows } = this;
    const lengthOf = this.#lengthOf;
    const productHighs = this.#productHighs;
    const productLows = this.#productLows;
    for (let i = 0; i < highs.length; i++) {
      const length = lengthOf[i]!;
      const a = fromByte[2 * i + 1]!;
      const b = productLows[length]!;
      const low = (a + b) | 0;
      lows[i] = low;
      // The carry of a + b, without a branch: the processor would guess it wrong half of the time.
      highs[i] = fromByte[2 * i]! + productHighs[length]! + (((a & b) | ((a | b) & ~low)) >>> 31);
    }
  }

  #multiply(high: number, low: number): void {
    for (let length = 0; length < this.#powers.length; length++) {
      const power = this.#powers[length]!;
      this.#productHighs[length] = productHigh(high, low, power.high, power.low);
      this.#productLows[length] = Math.imul(low, power.low);
    }
  }

  #from(byte: number): Int32Array {
    const halves = new Int32Array(2 * this.#suffixes.length);
    const word = new Word64();
    for (const [i, suffix] of this.#suffixes.entries()) {
      word.set(0, byte);
      fnv1a64More(suffix, word);
      halves[2 * i] = word.high;
      halves[2 * i + 1] = word.low;
    }
    return halves;
  }
}

function primeToThe(exponent: number): Word64 {
  const power = new Word64();
  power.set(0, 1);
  for (let i = 0; i < exponent; i++) power.multiply(FNV_PRIME_64.high, FNV_PRIME_64.low);
  return power;
}
