import { Fnv1a64Each } from '../hash/fnv1a64-each.js';
import { goLog } from '../hash/go-log.js';
import { distinctNames } from './distinct-names.js';
import { checkMembers, checkWholeWeights, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

/**
 * By so much, at least, does a bound that is computed with a rounding or two have to fall short before it
 * counts.
 */
const CERTAINLY = 1 - 2 ** -40;

/**
 * Traefik's `hrw` (hrw.go): each server draws weight / -ln(u), u being the FNV-1a of the client's address and
 * the server's URL as a fraction; the highest wins. Health is a filter here too.
 */
export class TraefikContest implements Placement {
  readonly name = 'traefikHrw';
  readonly members: readonly Member[];
  readonly #each: Fnv1a64Each;
  readonly #weights: Float64Array;
  readonly #weightMax: number;

  constructor(members: readonly Member[]) {
    checkMembers(members);
    checkWholeWeights(members, Number.MAX_SAFE_INTEGER, 'Traefik');
    this.members = members;
    this.#each = new Fnv1a64Each(
      distinctNames(members, ({ id, url, address }) => address ?? url ?? id, 'Traefik'),
    );
    this.#weights = Float64Array.from(members, ({ weight }) => weight);
    this.#weightMax = this.#weights.reduce((max, weight) => Math.max(max, weight), 0);
  }

  owner(key: string): number {
    this.#each.hash(key);
    const { highs } = this.#each;
    let owner = -1;
    // Between these the best score lies; they take a division where the score itself takes a logarithm, and
    // hardly ever leave a contest open.
    let bestAtLeast = 0;
    let bestAtMost = 0;
    /** Whoever's hash has a smaller upper half loses, whatever the weight. */
    let limit = 0;
    for (let index = 0; index < highs.length; index++) {
      if (highs[index]! >>> 0 < limit) continue;
      const u = this.#fraction(index);
      if (!isFraction(u)) continue;
      const weight = this.#weights[index]!;
      // 2 (1 - u) / (1 + u)  <=  -ln(u)  <=  (1 - u) (1 + u) / 2 u
      const atMost = (weight * (1 + u)) / (2 * (1 - u));
      if (atMost < bestAtLeast * CERTAINLY) continue;
      const atLeast = (weight * 2 * u) / ((1 - u) * (1 + u));
      if (atLeast * CERTAINLY < bestAtMost && this.#score(index) <= this.#score(owner)) continue;
      owner = index;
      bestAtLeast = atLeast;
      bestAtMost = atMost;
      const reached = (2 * atLeast - this.#weightMax) / (2 * atLeast + this.#weightMax);
      limit = reached > 0 ? Math.floor(reached * CERTAINLY * 2 ** 32) : 0;
    }
    return owner;
  }

  rank(key: string): ArrayLike<number> {
    this.#each.hash(key);
    const scores = new Float64Array(this.members.length);
    const ranked: number[] = [];
    for (let index = 0; index < scores.length; index++) {
      if (!isFraction(this.#fraction(index))) continue;
      scores[index] = this.#score(index);
      ranked.push(index);
    }
    // Of equal ones the first: the sort is stable.
    return ranked.sort((a, b) => scores[b]! - scores[a]!);
  }

  withMembers(members: readonly Member[]): TraefikContest {
    return isSameMembers(this.members, members) ? this : new TraefikContest(members);
  }

  #score(index: number): number {
    return (1 / -goLog(this.#fraction(index))) * this.#weights[index]!;
  }

  #fraction(index: number): number {
    return ((this.#each.highs[index]! >>> 0) * 2 ** 32 + (this.#each.lows[index]! >>> 0)) / 2 ** 64;
  }
}

/** Of 0 and 1, to which a hash can be rounded, Traefik's formula makes scores that never win. */
function isFraction(u: number): boolean {
  return u > 0 && u < 1;
}
