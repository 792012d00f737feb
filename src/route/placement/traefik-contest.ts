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
  readonly #weightMax: number;
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
    this.#rests = Uint8Array.from(Buffer.from(rests.join(''), 'latin1'));
    let end = 0;
    this.#ends = Uint32Array.from(rests, ({ length }) => (end += length));
    this.#weights = Float64Array.from(members, ({ weight }) => weight);
    this.#weightMax = this.#weights.reduce((max, weight) => Math.max(max, weight), 0);
    this.#highs = new Int32Array(members.length);
    this.#lows = new Int32Array(members.length);
  }

  owner(key: string): number {
    this.#draw(key);
    const highs = this.#highs;
    let owner = -1;
    // Between these the best score lies; they take a division where the score itself takes a logarithm, and hardly ever leave a contest open.
    let bestAtLeast = 0;
    let bestAtMost = 0;
    /** Whoever's hash has a smaller upper half loses, whatever the weight. */
    let limit = 0;
    for (let place = 0; place < highs.length; place++) {
      if (highs[place]! >>> 0 < limit) continue;
      const u = this.#fraction(place);
      if (!isFraction(u)) continue;
      const weight = this.#weights[place]!;
      // 2 (1 - u) / (1 + u)  <=  -ln(u)  <=  (1 - u) (1 + u) / 2 u
      const atMost = (weight * (1 + u)) / (2 * (1 - u));
      if (atMost < bestAtLeast * CERTAINLY) continue;
      const atLeast = (weight * 2 * u) / ((1 - u) * (1 + u));
      if (atLeast * CERTAINLY < bestAtMost && this.#score(place) <= this.#score(owner)) continue;
      owner = place;
      bestAtLeast = atLeast;
      bestAtMost = atMost;
      const reached = (2 * atLeast - this.#weightMax) / (2 * atLeast + this.#weightMax);
      limit = reached > 0 ? Math.floor(reached * CERTAINLY * 2 ** 32) : 0;
    }
    return owner;
  }

  rank(key: string): ArrayLike<number> {
    this.#draw(key);
    const scores = new Float64Array(this.members.length);
    const ranked: number[] = [];
    for (let place = 0; place < scores.length; place++) {
      if (!isFraction(this.#fraction(place))) continue;
      scores[place] = this.#score(place);
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

  #score(place: number): number {
    return (1 / -goLog(this.#fraction(place))) * this.#weights[place]!;
  }

  #fraction(place: number): number {
    return ((this.#highs[place]! >>> 0) * 2 ** 32 + (this.#lows[place]! >>> 0)) / 2 ** 64;
  }
}

/** Of 0 and 1, to which a hash can be rounded, Traefik's formula makes scores that never win. */
function isFraction(u: number): boolean {
  return u > 0 && u < 1;
}

function commonPrefix(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let length = first.length;
  for (const text of others) while (!text.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
