/** What a placement needs to know of an upstream. */
export interface Member {
  readonly id: string;
  /** Relative share; above 0. */
  readonly weight: number;
}

/**
 * key → upstreams, best first. A placement is immutable and depends on the members' ids and weights alone, never on
 * their order, so that two gateways with the same pool agree. Keys are byte strings (`toByteString`).
 */
export interface Placement {
  readonly name: string;
  readonly members: readonly Member[];
  /** Where the key's best upstream stands in `members`; -1 when there are none. O(1) or O(log n). */
  owner(key: string): number;
  /** Every member once, best first; the first is `owner(key)`. */
  rank(key: string): ArrayLike<number>;
  /** The same placement over other members. What stays the same is not computed again. */
  withMembers(members: readonly Member[]): Placement;
}
