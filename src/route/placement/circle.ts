const HASH_MIN = -0x80000000;
/** A point's hash and its owner in one exact number, so that the engine's own numeric sort orders them. */
const OWNER_RANGE = 2 ** 16;

/** A point of `owner` on a circle. Hashes count as unsigned; they may be given signed. */
export function point(hash: number, owner: number): number {
  return (hash >>> 0) * OWNER_RANGE + owner;
}

export function pointHash(made: number): number {
  return Math.floor(made / OWNER_RANGE);
}

export function pointOwner(made: number): number {
  return made % OWNER_RANGE;
}

/**
 * Points on a circle of unsigned 32-bit hashes, ascending; where two meet, the owner that stands first in the
 * configuration comes first.
 */
export class Circle {
  /** Their owners, in the same order. */
  readonly owners: Uint16Array;
  /**
   * With the topmost bit turned, so that they compare as signed numbers, which V8 keeps without allocating.
   */
  readonly #hashes: Int32Array;

  /** `points`: made by `point`, in any order; sorted in place. */
  constructor(points: Float64Array) {
    points.sort();
    this.owners = new Uint16Array(points.length);
    this.#hashes = new Int32Array(points.length);
    for (let at = 0; at < points.length; at++) {
      this.#hashes[at] = pointHash(points[at]!) ^ HASH_MIN;
      this.owners[at] = pointOwner(points[at]!);
    }
  }

  get size(): number {
    return this.owners.length;
  }

  /** The hash of a point, as a signed number. */
  hash(at: number): number {
    return this.#hashes[at]! ^ HASH_MIN;
  }

  /** The first point at or after a hash; `size` when there is none. */
  from(hash: number): number {
    const wanted = hash ^ HASH_MIN;
    const hashes = this.#hashes;
    let low = 0;
    let high = hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (hashes[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
