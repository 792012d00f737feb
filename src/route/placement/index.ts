/**
 * `stickyroute/placement`: which upstream does this key belong to, and which ones stand in for it? No gateway needed.
 */
import { toByteString } from '../../base/framed-key.js';
import { xxh32, xxh32Text } from '../hash/xxh32.js';
import type { HashedPlacement } from './hashed-placement.js';
import { MaglevTable, TABLE_SIZE_DEFAULT } from './maglev-table.js';
import { invalid } from './members.js';
import type { Member } from './placement.js';
import { POINTS_DEFAULT, PointRing } from './point-ring.js';
import { SLOTS_DEFAULT, SlotTable } from './slot-table.js';

export { StickyError } from '../../base/errors.js';
export type { Member } from './placement.js';

/** An upstream by its id, with its share where that isn't 1. */
export type MemberInput = string | { readonly id: string; readonly weight?: number | undefined };

/** Text, or bytes; a text and its UTF-8 bytes are the same key. */
export type Key = string | Uint8Array;

/** Weighted rendezvous hashing, even and with no needless move: the default. `slots`: a power of two, 2^20 unless set. */
export function rendezvous(members: readonly MemberInput[], options: { readonly slots?: number | undefined } = {}): Placed {
  return new Placed(new SlotTable(members.map(toMember), options.slots ?? SLOTS_DEFAULT));
}

/** A ring of virtual points, for many small pools. `points`: of an upstream of weight 1, 1000 unless set. */
export function ring(members: readonly MemberInput[], options: { readonly points?: number | undefined } = {}): Placed {
  return new Placed(new PointRing(members.map(toMember), options.points ?? POINTS_DEFAULT));
}

/** Google's Maglev table, the evenest, which moves a few keys more on a change. `tableSize`: a prime, 65537 unless set. */
export function maglev(members: readonly MemberInput[], options: { readonly tableSize?: number | undefined } = {}): Placed {
  return new Placed(new MaglevTable(members.map(toMember), options.tableSize ?? TABLE_SIZE_DEFAULT));
}

/** Keys placed over a set of upstreams. Immutable: `add` and `remove` answer a new one and leave this one as it was. */
export class Placed {
  readonly #placement: HashedPlacement;

  constructor(placement: HashedPlacement) {
    this.#placement = placement;
  }

  get members(): readonly Member[] {
    return this.#placement.members;
  }

  /** The id of the key's upstream; undefined when there are no upstreams. */
  get(key: Key): string | undefined {
    return this.#placement.members[this.#placement.ownerOfHash(hashOf(key))]?.id;
  }

  /** Ids best first, each once: the key's upstream, then its backups in order. */
  candidates(key: Key, limit = Infinity): string[] {
    const ranked = this.#placement.rankOfHash(hashOf(key));
    const ids: string[] = [];
    for (let i = 0; i < ranked.length && i < limit; i++) ids.push(this.members[ranked[i]!]!.id);
    return ids;
  }

  /** The same with one upstream more. Keys move to it, and nowhere else (Maglev: hardly anywhere else). */
  add(member: MemberInput): Placed {
    return new Placed(this.#placement.withMembers([...this.members, toMember(member)]));
  }

  /** The same without one upstream. Its keys move, each to its next candidate, and no others (Maglev: hardly any others). */
  remove(id: string): Placed {
    const left = this.members.filter((member) => member.id !== id);
    if (left.length === this.members.length) throw invalid(`There is no upstream "${id}" to remove; \`members\` lists those there are.`);
    return new Placed(this.#placement.withMembers(left));
  }
}

function toMember(input: MemberInput): Member {
  return typeof input === 'string' ? { id: input, weight: 1 } : { id: input.id, weight: input.weight ?? 1 };
}

function hashOf(key: Key): number {
  return typeof key === 'string' ? xxh32Text(key) : xxh32(toByteString(key));
}
