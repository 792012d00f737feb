/**
 * A point's number beside the top bits of its hash in one exact number, so that the engine's own numeric sort
 * orders them.
 */
const NUMBER_RANGE = 2 ** 24;
const TOP_SHIFT = 3;

/**
 * Points on a circle of unsigned 64-bit hashes, ascending; where two meet, the one that was added first comes
 * first.
 */
export class WideCircle {
  readonly owners: Uint16Array;
  readonly #highs: Uint32Array;
  readonly #lows: Uint32Array;
  /** The circle in about as many equal pieces as there are points → the first point in or after the piece. */
  readonly #pieces: Uint32Array;
  readonly #shift: number;

  /** The halves of each point's hash, and its owner; fewer than 2^24. */
  constructor(highs: Uint32Array, lows: Uint32Array, owners: Uint16Array) {
    const order = sorted(highs, lows);
    this.#highs = new Uint32Array(order.length);
    this.#lows = new Uint32Array(order.length);
    this.owners = new Uint16Array(order.length);
    for (let at = 0; at < order.length; at++) {
      const number = order[at]!;
      this.#highs[at] = highs[number]!;
      this.#lows[at] = lows[number]!;
      this.owners[at] = owners[number]!;
    }
    const bits = Math.max(1, Math.ceil(Math.log2(order.length + 1)));
    this.#shift = 32 - bits;
    this.#pieces = pieces(this.#highs, bits);
  }

  /** The first point at or after a hash, given in signed or unsigned halves; past the last one the first. */
  from(high: number, low: number): number {
    const highs = this.#highs;
    const wantedHigh = high >>> 0;
    const wantedLow = low >>> 0;
    let at = this.#pieces[high >>> this.#shift]!;
    while (
      at < highs.length &&
      (highs[at]! < wantedHigh || (highs[at] === wantedHigh && this.#lows[at]! < wantedLow))
    )
      at++;
    return at === highs.length ? 0 : at;
  }
}

/** The points' numbers in the order of their hashes. */
function sorted(highs: Uint32Array, lows: Uint32Array): Uint32Array {
  const byTop = new Float64Array(highs.length);
  for (let i = 0; i < byTop.length; i++) byTop[i] = (highs[i]! >>> TOP_SHIFT) * NUMBER_RANGE + i;
  byTop.sort();
  const order = new Uint32Array(byTop.length);
  for (let at = 0; at < order.length; at++)
    order[at] = byTop[at]! - Math.floor(byTop[at]! / NUMBER_RANGE) * NUMBER_RANGE;
  // Those of one top are few, and stand together: a sort by insertion puts them in order.
  for (let i = 1; i < order.length; i++) {
    const number = order[i]!;
    let at = i;
    for (; at > 0 && isBefore(highs, lows, number, order[at - 1]!); at--) order[at] = order[at - 1]!;
    order[at] = number;
  }
  return order;
}

function isBefore(highs: Uint32Array, lows: Uint32Array, one: number, other: number): boolean {
  return highs[one]! < highs[other]! || (highs[one] === highs[other] && lows[one]! < lows[other]!);
}

function pieces(highs: Uint32Array, bits: number): Uint32Array {
  const starts = new Uint32Array(2 ** bits);
  let at = 0;
  for (let piece = 0; piece < starts.length; piece++) {
    const from = piece * 2 ** (32 - bits);
    while (at < highs.length && highs[at]! < from) at++;
    starts[piece] = at;
  }
  return starts;
}
