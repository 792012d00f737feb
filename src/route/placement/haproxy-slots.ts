import { haproxyHash, type HaproxyHash, type HaproxyHashOptions } from './haproxy-hash.js';
import { HAPROXY_WEIGHT_MAX } from './haproxy-nodes.js';
import { checkMembers, checkWholeWeights, invalidPlacement, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

/** Members times slots; about half a second. */
const WORK_MAX = 2 ** 27;

/**
 * `hash-type map-based` of HAProxy (src/lb_map.c): those that can be used take turns, by weight, at filling
 * the slots of a map, and a key belongs to the slot that its hash leaves as a remainder. So whenever somebody
 * goes or comes, nearly every key moves.
 */
export class HaproxySlots implements Placement {
  readonly name = 'haproxyMap';
  readonly members: readonly Member[];
  readonly #options: HaproxyHashOptions;
  readonly #hash: HaproxyHash;
  readonly #slots: Uint16Array;
  readonly #usable: number;

  constructor(
    members: readonly Member[],
    options: HaproxyHashOptions,
    isUsable: readonly boolean[] = members.map(() => true),
  ) {
    checkMembers(members);
    checkWholeWeights(members, HAPROXY_WEIGHT_MAX, 'HAProxy');
    this.members = members;
    this.#options = options;
    this.#hash = haproxyHash(options);
    this.#slots = slots(members, isUsable);
    this.#usable = isUsable.filter(Boolean).length;
  }

  owner(key: string): number {
    const hash = this.#hash(key);
    return hash === undefined || this.#usable === 0 ? -1 : this.#slots[(hash >>> 0) % this.#slots.length]!;
  }

  /**
   * HAProxy has no second choice: it tries the same again until health takes it out of the map. Here the
   * slots behind it name the next.
   */
  rank(key: string): ArrayLike<number> {
    const hash = this.#hash(key);
    if (hash === undefined || this.#usable === 0) return [];
    const ranked: number[] = [];
    const size = this.#slots.length;
    for (let at = (hash >>> 0) % size; ranked.length < this.#usable; at = at + 1 < size ? at + 1 : 0) {
      if (!ranked.includes(this.#slots[at]!)) ranked.push(this.#slots[at]!);
    }
    return ranked;
  }

  withMembers(members: readonly Member[]): HaproxySlots {
    return this.#usable === this.members.length && isSameMembers(this.members, members)
      ? this
      : new HaproxySlots(members, this.#options);
  }

  among(isUsable: (index: number) => boolean): HaproxySlots {
    return new HaproxySlots(
      this.members,
      this.#options,
      this.members.map((_, index) => isUsable(index)),
    );
  }
}

/** `recalc_server_map`. Weights are divided by what all have in common, those that are away included. */
function slots(members: readonly Member[], isUsable: readonly boolean[]): Uint16Array {
  const divisor = members.reduce((common, { weight }) => commonDivisor(common, weight), 0);
  const slotsMax = members.reduce((sum, { weight }) => sum + weight / divisor, 0);
  if (members.length * slotsMax > WORK_MAX) {
    throw invalidPlacement(
      `HAProxy's map of these ${members.length} upstreams would have ${slotsMax} slots and take seconds to fill: lower the weights, or take haproxyConsistent.`,
    );
  }
  const indexes = members.map((_, index) => index).filter((index) => isUsable[index]!);
  const weights = indexes.map((index) => members[index]!.weight / divisor);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const scores = new Float64Array(indexes.length);
  return Uint16Array.from({ length: total }, () => {
    let best = 0;
    let most = -1;
    for (let at = 0; at < indexes.length; at++) {
      scores[at]! += weights[at]!;
      // Whole turns earned decide, not the score itself: the first of those with most of them.
      const turns = Math.floor((scores[at]! + total) / total);
      if (turns > most) [best, most] = [at, turns];
    }
    scores[best]! -= total;
    return indexes[best]!;
  });
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
