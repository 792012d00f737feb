import type { Member, Placement } from './placement.js';

/**
 * A placement that knows a key by its XXH32 (seed 0) alone, so that the library door can hash text and bytes
 * its own way.
 */
export interface HashedPlacement extends Placement {
  ownerOfHash(hash: number): number;
  rankOfHash(hash: number, atMost?: number): ArrayLike<number>;
  withMembers(members: readonly Member[]): HashedPlacement;
}
