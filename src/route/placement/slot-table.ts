import { xxh32 } from '../hash/xxh32.js';
import type { HashedPlacement } from './hashed-placement.js';
import { checkMembers, compareMembers, invalid } from './members.js';
import type { Member } from './placement.js';
import { SlotContest } from './slot-contest.js';

/**
 * 1 MiB a pool (2 MiB above 256 upstreams). Fewer slots spread less evenly, more take longer to build, and
 * from here on the keys' own unevenness is what shows; `docs/placement.md` has the figures. The number can't
 * follow the pool's size, since changing it moves users.
 */
export const SLOTS_DEFAULT = 2 ** 20;
const SLOTS_MIN = 2 ** 10;
const SLOTS_MAX = 2 ** 22;
export const SLOTS_WANTED = `a power of two from ${SLOTS_MIN} to ${SLOTS_MAX}`;

export function isSlotCount(slots: number): boolean {
  return Number.isInteger(Math.log2(slots)) && slots >= SLOTS_MIN && slots <= SLOTS_MAX;
}

/**
 * Rendezvous hashing with O(1) look-up: the contest is held once for each slot, and a key belongs to the
 * winner of the slot that its hash falls into. A change costs a pass over the slots, not a new contest for
 * each.
 */
export class SlotTable implements HashedPlacement {
  readonly name = 'rendezvous';
  readonly members: readonly Member[];
  readonly #contest: SlotContest;
  readonly #winners: Places;
  readonly #mask: number;

  constructor(members: readonly Member[], slots: number, previous?: SlotTable) {
    if (!isSlotCount(slots)) throw invalid(`\`slots\` is ${String(slots)}: it must be ${SLOTS_WANTED}.`);
    checkMembers(members);
    this.members = members;
    this.#mask = slots - 1;
    this.#contest = new SlotContest(members);
    this.#winners =
      previous === undefined || members.length === 0
        ? winners(members, slots, this.#contest)
        : this.#carriedOver(previous);
  }

  owner(key: string): number {
    return this.ownerOfHash(xxh32(key));
  }

  rank(key: string): ArrayLike<number> {
    return this.rankOfHash(xxh32(key));
  }

  ownerOfHash(hash: number): number {
    return this.members.length === 0 ? -1 : this.#winners[hash & this.#mask]!;
  }

  /**
   * Computed on demand: n lots and a sort. It is asked only for users whose own upstream is away, about 1 in
   * n.
   */
  rankOfHash(hash: number): ArrayLike<number> {
    return this.#contest.rank(hash & this.#mask);
  }

  withMembers(members: readonly Member[]): SlotTable {
    return compareMembers(this.members, members).isNothing
      ? this
      : new SlotTable(members, this.#mask + 1, this);
  }

  /**
   * Slots of members that left are contested again; the others only see their winner challenged by those who
   * came.
   */
  #carriedOver(previous: SlotTable): Places {
    const { moved, fresh } = compareMembers(previous.members, this.members);
    const contest = this.#contest;
    const before = previous.#winners;
    const after = emptyTable(before.length, this.members.length);
    for (let slot = 0; slot < before.length; slot++) {
      const holder = moved[before[slot]!] ?? -1;
      if (holder === -1) after[slot] = contest.winner(slot);
      else after[slot] = fresh.length === 0 ? holder : contest.challenge(slot, holder, fresh);
    }
    return after;
  }
}

type Places = Uint8Array | Uint16Array;

/**
 * One byte a slot for all but very large pools: what matters here is how much of it stays in the processor's
 * cache.
 */
function emptyTable(slots: number, members: number): Places {
  return members <= 256 ? new Uint8Array(slots) : new Uint16Array(slots);
}

function winners(members: readonly Member[], slots: number, contest: SlotContest): Places {
  const table = emptyTable(slots, members.length);
  if (members.length < 2) return table;
  for (let slot = 0; slot < slots; slot++) table[slot] = contest.winner(slot);
  return table;
}
