import { xxh32 } from '../hash/xxh32.js';
import type { HashedPlacement } from './hashed-placement.js';
import { checkMembers, compareMembers, invalidPlacement } from './members.js';
import type { Member } from './placement.js';
import { SlotContest } from './slot-contest.js';

/**
 * 1 MiB a pool (2 MiB from 128 upstreams). Fewer slots spread less evenly, more take more memory, and from
 * here on the keys' own unevenness is what shows; `docs/placement.md` has the figures. The number can't
 * follow the pool's size, since changing it moves users.
 */
export const SLOTS_DEFAULT = 2 ** 20;
const SLOTS_MIN = 2 ** 10;
const SLOTS_MAX = 2 ** 22;
export const SLOTS_WANTED = `a power of two from ${SLOTS_MIN} to ${SLOTS_MAX}`;

export function isSlotCount(slots: number): boolean {
  return Number.isInteger(Math.log2(slots)) && slots >= SLOTS_MIN && slots <= SLOTS_MAX;
}

/** So many members that came may challenge a slot's holder before the slot is contested anew. */
const CHALLENGERS_MAX = 64;

/**
 * Rendezvous hashing with O(1) look-up: a key belongs to the winner of the slot that its hash falls into. The
 * contest for a slot is held at the first look-up that needs it, so that a pool of thousands is ready at once
 * and no call takes long. A change of members costs a copy of the table: who left leaves slots to be
 * contested again, who came challenges the holders that are known, again at the next look-up.
 */
export class SlotTable implements HashedPlacement {
  readonly name = 'rendezvous';
  readonly members: readonly Member[];
  readonly #contest: SlotContest;
  /**
   * What is known of each slot: its winner; above `#flag`, a holder who has yet to meet the challengers; with
   * every bit set, nothing.
   */
  readonly #known: Known;
  readonly #flag: number;
  /** Places of those who came since, whom a flagged holder has yet to meet. */
  readonly #challengers: readonly number[];
  readonly #mask: number;

  constructor(members: readonly Member[], slots: number, previous?: SlotTable) {
    if (!isSlotCount(slots))
      throw invalidPlacement(`\`slots\` is ${String(slots)}: it must be ${SLOTS_WANTED}.`);
    checkMembers(members);
    this.members = members;
    this.#mask = slots - 1;
    this.#contest = new SlotContest(members, previous === undefined ? undefined : previous.#contest);
    this.#known = emptyTable(slots, members.length);
    this.#flag = this.#known instanceof Uint8Array ? FLAG_8 : FLAG_16;
    this.#challengers = previous === undefined ? [] : this.#carryOver(previous);
  }

  owner(key: string): number {
    return this.ownerOfHash(xxh32(key));
  }

  rank(key: string, atMost?: number): ArrayLike<number> {
    return this.rankOfHash(xxh32(key), atMost);
  }

  ownerOfHash(hash: number): number {
    const known = this.#known[hash & this.#mask]!;
    return known < this.#flag ? known : this.#settle(hash & this.#mask, known);
  }

  /**
   * Computed on demand: n lots, and a sort unless a few are enough. It is asked only for users whose own
   * upstream is away, about 1 in n.
   */
  rankOfHash(hash: number, atMost?: number): ArrayLike<number> {
    return this.#contest.rank(hash & this.#mask, atMost);
  }

  withMembers(members: readonly Member[]): SlotTable {
    return compareMembers(this.members, members).isNothing
      ? this
      : new SlotTable(members, this.#mask + 1, this);
  }

  #settle(slot: number, known: number): number {
    if (this.members.length === 0) return -1;
    const isUnknown = known === this.#flag * 2 - 1;
    const winner = isUnknown
      ? this.#contest.winner(slot)
      : this.#contest.challenge(slot, known - this.#flag, this.#challengers);
    this.#known[slot] = winner;
    return winner;
  }

  /** Copies what still holds, by a table of what each entry becomes; answers the challengers. */
  #carryOver(previous: SlotTable): readonly number[] {
    const { moved, fresh } = compareMembers(previous.members, this.members);
    const waiting = previous.#challengers.map((index) => moved[index]!).filter((index) => index !== -1);
    const isKeeping = waiting.length + fresh.length <= CHALLENGERS_MAX;
    const challengers = isKeeping ? [...waiting, ...fresh] : fresh.length <= CHALLENGERS_MAX ? fresh : [];
    const [flag, before, unknown] = [this.#flag, previous.#flag, this.#flag * 2 - 1];
    const becomes = new Uint16Array(before * 2).fill(unknown);
    moved.forEach((index, was) => {
      if (index === -1) return;
      if (fresh.length === 0) becomes[was] = index;
      else if (challengers.length > 0) becomes[was] = flag + index;
      if (isKeeping) becomes[before + was] = flag + index;
    });
    const from = previous.#known;
    const into = this.#known;
    for (let slot = 0; slot < into.length; slot++) into[slot] = becomes[from[slot]!]!;
    return challengers;
  }
}

type Known = Uint8Array | Uint16Array;

const FLAG_8 = 0x80;
const FLAG_16 = 0x8000;

/**
 * One byte a slot for all but large pools: what matters here is how much of it stays in the processor's
 * cache. Nothing is known of any slot.
 */
function emptyTable(slots: number, members: number): Known {
  return members < FLAG_8 ? new Uint8Array(slots).fill(0xff) : new Uint16Array(slots).fill(0xffff);
}
