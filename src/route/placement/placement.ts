/** What a placement needs to know of an upstream. */
export interface Member {
  readonly id: string;
  /** Relative share; above 0. */
  readonly weight: number;
  /**
   * Where it is: scheme, host and port. Our own placements never look at it, so that it is free to change.
   */
  readonly url?: string | undefined;
  /**
   * What another balancer's configuration calls it, which is what such balancers hash: `10.0.0.5:8080`,
   * `app1`. `memberAddress` fills it in.
   */
  readonly address?: string | undefined;
  /** The number in HAProxy's `id 77`; without one it numbers by position. */
  readonly haproxyId?: number | undefined;
}

/** Every field of a member. Whatever compares or hands on members goes by this. */
export const MEMBER_FIELDS = Object.keys({
  id: 1,
  weight: 1,
  url: 1,
  address: 1,
  haproxyId: 1,
} satisfies Record<keyof Member, 1>) as readonly (keyof Member)[];

/**
 * key → upstreams, best first. A placement is immutable. Keys are byte strings (`toByteString`).
 *
 * Our own placements depend on the members' ids and weights alone, never on their order, so that two gateways
 * with the same pool agree. A placement that agrees with another balancer depends on what that one depends
 * on: often the order of `members`, which is then the order of its configuration, and addresses instead of
 * ids.
 */
export interface Placement {
  readonly name: string;
  readonly members: readonly Member[];
  /**
   * Where the key's best upstream stands in `members`; -1 when there are none, or when the balancer that this
   * one agrees with does not place the key at all (nginx: an empty one). O(1) or O(log n).
   */
  owner(key: string): number;
  /**
   * Every member once, best first; the first is `owner(key)`. It may end early where the balancer that this
   * one agrees with gives up and balances (nginx after 20 tries); what is left is the balance's to choose
   * from. `atMost`: the best few are enough, which a placement over thousands may find sooner; it may answer
   * more.
   */
  rank(key: string, atMost?: number): ArrayLike<number>;
  /** The same placement over other members, all of them usable. What stays the same is not computed again. */
  withMembers(members: readonly Member[]): Placement;
  /**
   * For a placement whose answers depend on who can be used, as the balancer that it agrees with decides it:
   * the placement as it is while only these members are usable, over the same members; its `rank` names no
   * others. What an earlier `among` said no longer counts. It is asked once for each change of conditions,
   * never for each request. Absent: health is a filter on the ranking, and nobody else moves.
   */
  among?(isUsable: (index: number) => boolean): Placement;
}
