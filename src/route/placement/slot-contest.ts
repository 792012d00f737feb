import { mix32, mixPair } from '../hash/mix32.js';
import { idHashes, indexesById } from './members.js';
import type { Member } from './placement.js';

/**
 * Rendezvous hashing (Thaler and Ravishankar, 1998): for every slot each member draws a lot, a number that
 * depends on the slot and the member's id alone, and the best lot wins. Who leaves or comes can't change the
 * others' lots, so a slot changes hands only to or from the one that did.
 *
 * With unequal weights a lot counts as the cost -ln(u) / weight, u being the lot as a fraction; the smallest
 * cost wins, in proportion to the weights (Schindelhauer and Schomaker, 2005). Among equal weights that is
 * the order of the lots.
 */
export class SlotContest {
  // By rank in order of id, so that a strict comparison on the way up gives equal lots to the earlier id.
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  readonly #weights: Float64Array;
  readonly #isUniform: boolean;
  /** Rank by id. Made only when a later contest asks. */
  #rankOfId: Map<string, number> | undefined;
  readonly #ids: readonly string[];
  readonly #indexes: Uint16Array;
  readonly #ranks: Uint16Array;

  /** `previous`: what it knows of the same ids is not computed again. */
  constructor(members: readonly Member[], previous?: SlotContest) {
    this.#indexes = Uint16Array.from(indexesById(members));
    this.#ranks = new Uint16Array(members.length);
    this.#first = new Int32Array(members.length);
    this.#second = new Int32Array(members.length);
    this.#weights = new Float64Array(members.length);
    this.#indexes.forEach((index, rank) => {
      const { id, weight } = members[index]!;
      const [first, second] = previous?.hashesOf(id) ?? idHashes(id);
      this.#ranks[index] = rank;
      this.#first[rank] = first;
      this.#second[rank] = second;
      this.#weights[rank] = weight;
    });
    this.#ids = Array.from(this.#indexes, (index) => members[index]!.id);
    this.#isUniform = members.every(({ weight }) => weight === members[0]!.weight);
  }

  /** The two hashes of an id that is a member's; undefined for others. */
  hashesOf(id: string): [first: number, second: number] | undefined {
    this.#rankOfId ??= new Map(this.#ids.map((each, rank) => [each, rank]));
    const rank = this.#rankOfId.get(id);
    return rank === undefined ? undefined : [this.#first[rank]!, this.#second[rank]!];
  }

  /** The index of the slot's best member. There must be one. */
  winner(slot: number): number {
    return this.#indexes[this.#isUniform ? this.#bestLot(mix32(slot)) : this.#bestCost(mix32(slot))]!;
  }

  /** The best of one that beats all the rest already and of `challengers`. */
  challenge(slot: number, holder: number, challengers: readonly number[]): number {
    const mixed = mix32(slot);
    let best = this.#ranks[holder]!;
    for (const index of challengers) {
      const rank = this.#ranks[index]!;
      if (this.#beats(mixed, rank, best)) best = rank;
    }
    return this.#indexes[best]!;
  }

  /** Places, best first: all, or the best few. */
  rank(slot: number, atMost = Infinity): Uint16Array {
    const mixed = mix32(slot);
    if (atMost <= FEW && atMost < this.#weights.length) return this.#bestFew(mixed, Math.max(atMost, 0));
    const costs = new Float64Array(this.#weights.length);
    const order = new Uint16Array(costs.length);
    for (let rank = 0; rank < costs.length; rank++) {
      costs[rank] = costOf(this.#lot(mixed, rank), this.#weights[rank]!);
      order[rank] = rank;
    }
    // The sort is stable, so equal costs stay in order of id.
    order.sort((a, b) => costs[a]! - costs[b]!);
    return order.map((rank) => this.#indexes[rank]!);
  }

  /** One pass that keeps the best so far in order, each newcomer put in its place. */
  #bestFew(mixed: number, count: number): Uint16Array {
    const order = new Uint16Array(count);
    if (count === 0) return order;
    const first = this.#first;
    const second = this.#second;
    const weights = this.#weights;
    const costs = new Float64Array(count).fill(Infinity);
    let worst = Infinity;
    for (let rank = 0; rank < first.length; rank++) {
      const lot = mixPair(mixed, first[rank]!, second[rank]!);
      // -ln(u) is never less than 1 - u, so most members are out without a logarithm.
      if (LOT_LIMIT - lot >= worst * weights[rank]!) continue;
      const cost = costOf(lot, weights[rank]!);
      if (cost >= worst) continue;
      let at = count - 1;
      for (; at > 0 && cost < costs[at - 1]!; at--) {
        costs[at] = costs[at - 1]!;
        order[at] = order[at - 1]!;
      }
      costs[at] = cost;
      order[at] = rank;
      worst = costs[count - 1]!;
    }
    return order.map((rank) => this.#indexes[rank]!);
  }

  #bestLot(mixed: number): number {
    const first = this.#first;
    const second = this.#second;
    let best = 0;
    let bestLot = mixPair(mixed, first[0]!, second[0]!);
    for (let rank = 1; rank < first.length; rank++) {
      const lot = mixPair(mixed, first[rank]!, second[rank]!);
      if (lot > bestLot) {
        best = rank;
        bestLot = lot;
      }
    }
    return best;
  }

  #bestCost(mixed: number): number {
    const first = this.#first;
    const second = this.#second;
    const weights = this.#weights;
    let best = 0;
    let bestCost = Infinity;
    for (let rank = 0; rank < first.length; rank++) {
      const lot = mixPair(mixed, first[rank]!, second[rank]!);
      // -ln(u) is never less than 1 - u, so most members are out without a logarithm.
      if (LOT_LIMIT - lot >= bestCost * weights[rank]!) continue;
      const cost = costOf(lot, weights[rank]!);
      if (cost < bestCost) {
        best = rank;
        bestCost = cost;
      }
    }
    return best;
  }

  #beats(mixed: number, challenger: number, holder: number): boolean {
    const lot = this.#lot(mixed, challenger);
    const held = this.#lot(mixed, holder);
    if (this.#isUniform) return lot > held || (lot === held && challenger < holder);
    const cost = costOf(lot, this.#weights[challenger]!);
    const heldCost = costOf(held, this.#weights[holder]!);
    return cost < heldCost || (cost === heldCost && challenger < holder);
  }

  #lot(mixed: number, rank: number): number {
    return mixPair(mixed, this.#first[rank]!, this.#second[rank]!);
  }
}

/** Up to so many are found in one pass and without a sort. */
const FEW = 16;

/** The best lot there is, and half a step. */
const LOT_LIMIT = 2 ** 31 - 0.5;
const LOT_RANGE = 2 ** 32;

/**
 * What a signed lot costs, times 2^32. `u` stands in the middle of its step, never at 0 or 1; it is exact,
 * and so is 1 - u.
 */
function costOf(lot: number, weight: number): number {
  const u = 1 - (LOT_LIMIT - lot) / LOT_RANGE;
  return (-Math.log(u) * LOT_RANGE) / weight;
}
