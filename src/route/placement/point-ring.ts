import { mix32, mixPair } from '../hash/mix32.js';
import { xxh32 } from '../hash/xxh32.js';
import type { HashedPlacement } from './hashed-placement.js';
import { checkMembers, compareMembers, idHashes, invalidPlacement, indexesById } from './members.js';
import type { Member } from './placement.js';

/**
 * Shares on a ring are as even as 1/√points: with the customary 150 points the fullest of 30 upstreams has
 * about 1.2 times the average, with 1000 about 1.07, and still only 6 KB an upstream and no slower look-ups.
 */
export const POINTS_DEFAULT = 1000;
const POINTS_MAX = 10_000;
const POINTS_TOTAL_MAX = 2 ** 22;
export const POINTS_WANTED = `a whole number from 1 to ${POINTS_MAX}`;

const HASH_MAX = 0x7fffffff;
const HASH_MIN = -0x80000000;
/** A point's hash and its owner in one exact number, so that the engine's own numeric sort orders them. */
const OWNER_RANGE = 2 ** 16;

export function isPointCount(points: number): boolean {
  return Number.isInteger(points) && points >= 1 && points <= POINTS_MAX;
}

/**
 * Consistent hashing (Karger et al., 1997): every upstream has points on a circle of hashes, and a key
 * belongs to the owner of the first point at or after its own hash. Points depend on the id and their number
 * alone, never on how many upstreams there are: that is what makes Envoy's ring move users of upstreams that
 * stayed (envoyproxy/envoy#22558).
 */
export class PointRing implements HashedPlacement {
  readonly name = 'ring';
  readonly members: readonly Member[];
  readonly #pointsPerWeight: number;
  /**
   * Ascending as signed numbers, then one guard that every hash is at or before: past the last point comes
   * the first.
   */
  readonly #hashes: Int32Array;
  readonly #owners: Uint16Array;
  /** The circle in about as many equal pieces as there are points → the first point in or after the piece. */
  readonly #pieces: Uint32Array;
  readonly #shift: number;

  constructor(members: readonly Member[], points: number, previous?: PointRing) {
    if (!isPointCount(points))
      throw invalidPlacement(`\`points\` is ${String(points)}: it must be ${POINTS_WANTED}.`);
    checkMembers(members);
    this.members = members;
    this.#pointsPerWeight = points;
    const total = members.reduce((sum, member) => sum + pointCount(member, points), 0);
    if (total > POINTS_TOTAL_MAX) {
      throw invalidPlacement(
        `A ring takes at most ${POINTS_TOTAL_MAX} points; these weights times \`points\` make ${total}: lower \`points\` or the weights.`,
      );
    }
    this.#hashes = new Int32Array(total + 1).fill(HASH_MAX);
    this.#owners = new Uint16Array(total + 1);
    this.#place(previous);
    this.#owners[total] = this.#owners[0]!;
    const bits = Math.max(1, Math.ceil(Math.log2(total + 1)));
    this.#shift = 32 - bits;
    this.#pieces = pieces(this.#hashes, bits);
  }

  owner(key: string): number {
    return this.ownerOfHash(xxh32(key));
  }

  rank(key: string): ArrayLike<number> {
    return this.rankOfHash(xxh32(key));
  }

  ownerOfHash(hash: number): number {
    return this.members.length === 0 ? -1 : this.#owners[this.#pointAt(hash)]!;
  }

  /** Onwards around the circle, each upstream where it is first met. */
  rankOfHash(hash: number): ArrayLike<number> {
    const ranked: number[] = [];
    const isRanked = new Uint8Array(this.members.length);
    const points = this.#hashes.length - 1;
    for (
      let at = this.#pointAt(hash);
      ranked.length < this.members.length;
      at = at + 1 < points ? at + 1 : 0
    ) {
      const owner = this.#owners[at]!;
      if (isRanked[owner] === 0) ranked.push(owner);
      isRanked[owner] = 1;
    }
    return ranked;
  }

  withMembers(members: readonly Member[]): PointRing {
    return compareMembers(this.members, members).isNothing
      ? this
      : new PointRing(members, this.#pointsPerWeight, this);
  }

  #pointAt(hash: number): number {
    let at = this.#pieces[(hash ^ HASH_MIN) >>> this.#shift]!;
    while (this.#hashes[at]! < hash) at++;
    return at;
  }

  /** Merges the points of those who stayed with the sorted points of those who came. */
  #place(previous: PointRing | undefined): void {
    const { moved, fresh } = compareMembers(previous?.members ?? [], this.members);
    const byId = indexesById(this.members);
    const idRank = new Uint16Array(byId.length);
    byId.forEach((index, rank) => (idRank[index] = rank));
    const came = newPoints(this.members, fresh, idRank, this.#pointsPerWeight);
    let at = 0;
    let cameAt = 0;
    const put = (point: number): void => {
      const hash = Math.floor(point / OWNER_RANGE);
      this.#hashes[at] = hash;
      this.#owners[at++] = byId[point - hash * OWNER_RANGE]!;
    };
    for (let i = 0; previous !== undefined && i < previous.#hashes.length - 1; i++) {
      const owner = moved[previous.#owners[i]!]!;
      if (owner === -1) continue;
      const point = previous.#hashes[i]! * OWNER_RANGE + idRank[owner]!;
      while (cameAt < came.length && came[cameAt]! < point) put(came[cameAt++]!);
      put(point);
    }
    while (cameAt < came.length) put(came[cameAt++]!);
  }
}

/** The points of some members, sorted by hash and, where two meet, by id. */
function newPoints(
  members: readonly Member[],
  indexes: readonly number[],
  idRank: Uint16Array,
  perWeight: number,
): Float64Array {
  const points = new Float64Array(
    indexes.reduce((sum, index) => sum + pointCount(members[index]!, perWeight), 0),
  );
  let at = 0;
  for (const index of indexes) {
    const member = members[index]!;
    const [first, second] = idHashes(member.id);
    for (let i = pointCount(member, perWeight); i > 0; i--)
      points[at++] = mixPair(mix32(i), first, second) * OWNER_RANGE + idRank[index]!;
  }
  return points.sort();
}

/** At least one, so that every upstream can be reached. */
function pointCount(member: Member, perWeight: number): number {
  return Math.max(1, Math.round(member.weight * perWeight));
}

function pieces(hashes: Int32Array, bits: number): Uint32Array {
  const starts = new Uint32Array(2 ** bits);
  let at = 0;
  for (let piece = 0; piece < starts.length; piece++) {
    const from = HASH_MIN + piece * 2 ** (32 - bits);
    while (hashes[at]! < from) at++;
    starts[piece] = at;
  }
  return starts;
}
