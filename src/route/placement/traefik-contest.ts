import { fnv1a64, fnv1a64Each, fnv1a64More } from '../hash/fnv1a.js';
import { goLog } from '../hash/go-log.js';
import { Word64 } from '../hash/word64.js';
import { distinctNames } from './distinct-names.js';
import { checkMembers, checkWholeWeights, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

/** By so much, at least, does a bound that is computed with a rounding or two have to fall short before it counts. */
const CERTAINLY = 1 - 2 ** -40;

const hash = new Word64();

/**
 * Traefik's `hrw` (hrw.go): each server draws weight / -ln(u), u being the FNV-1a of the client's address and the server's URL as a fraction; the
 * highest wins. Health is a filter here too.
 */
export class TraefikContest implements Placement {
  readonly name = 'traefik-hrw';
  readonly members: readonly Member[];
  /** What all URLs begin with is hashed once a key; then the rest of each, which ends before its entry in `#ends`. */
  readonly #prefix: string;
  readonly #rests: Uint8Array;
  readonly #ends: Uint32Array;
  readonly #weights: Float64Array;
  /** The hashes of the last key with each URL. */
  readonly #highs: Int32Array;
  readonly #lows: Int32Array;

  constructor(members: readonly Member[]) {
    checkMembers(members);
    checkWholeWeights(members, Number.MAX_SAFE_INTEGER, 'Traefik');
    this.members = members;
    const urls = distinctNames(members, ({ id, url, address }) => address ?? url ?? id, 'Traefik');
    this.#prefix = commonPrefix(urls);
    const rests = urls.map((url) => url.slice(this.#prefix.length));
    this.#rests = Buffer.from(rests.join(''), 'latin1');
    let end = 0;
    this.#ends = Uint32Array.from(rests, ({ length }) => (end += length));
    this.#weights = Float64Array.from(members, ({ weight }) => weight);
    this.#highs = new Int32Array(members.length);
    this.#lows = new Int32Array(members.length);
  }

  owner(key: string): number {
    this.#draw(key);
    let owner = -1;
    let bestU = 0;
    let bestWeight = 0;
    /** 0: not computed. */
    let best = 0;
    for (let place = 0; place < this.#weights.length; place++) {
      const u = this.#fraction(place);
      if (!isFraction(u)) continue;
      const weight = this.#weights[place]!;
      // Logarithms are the dear part, and for most they are not needed: never in a pool of equal weights, but for two that all but meet.
      if (weight <= bestWeight && u < bestU * CERTAINLY) continue;
      let score = 0;
      if (weight < bestWeight || u * CERTAINLY <= bestU) {
        if (best === 0 && owner !== -1) best = scoreOf(bestU, bestWeight);
        // -ln(u) is never less than 1 - u.
        if (weight < best * (1 - u) * CERTAINLY) continue;
        score = scoreOf(u, weight);
        if (score <= best) continue;
      }
      owner = place;
      bestU = u;
      bestWeight = weight;
      best = score;
    }
    return owner;
  }

  rank(key: string): ArrayLike<number> {
    this.#draw(key);
    const scores = new Float64Array(this.members.length);
    const ranked: number[] = [];
    for (let place = 0; place < scores.length; place++) {
      const u = this.#fraction(place);
      if (!isFraction(u)) continue;
      scores[place] = scoreOf(u, this.#weights[place]!);
      ranked.push(place);
    }
    // Of equal ones the first: the sort is stable.
    return ranked.sort((a, b) => scores[b]! - scores[a]!);
  }

  withMembers(members: readonly Member[]): TraefikContest {
    return isSameMembers(this.members, members) ? this : new TraefikContest(members);
  }

  #draw(key: string): void {
    fnv1a64(key, hash);
    fnv1a64More(this.#prefix, hash);
    fnv1a64Each(this.#rests, this.#ends, hash, this.#highs, this.#lows);
  }

  #fraction(place: number): number {
    return ((this.#highs[place]! >>> 0) * 2 ** 32 + (this.#lows[place]! >>> 0)) / 2 ** 64;
  }
}

/** Of 0 and 1, to which a hash can be rounded, Traefik's formula makes scores that never win. */
function isFraction(u: number): boolean {
  return u > 0 && u < 1;
}

function scoreOf(u: number, weight: number): number {
  return (1 / -goLog(u)) * weight;
}

function commonPrefix(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let length = first.length;
  for (const text of others) while (!text.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
