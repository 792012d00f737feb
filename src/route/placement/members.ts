import { StickyError } from '../../base/errors.js';
import { xxh32Text } from '../hash/xxh32.js';
import { MEMBER_FIELDS, type Member } from './placement.js';

/** In larger pools a single complete ranking would hold the process for milliseconds. */
export const MEMBERS_MAX = 4096;

/** Throws unless the members can be placed: few enough, each with an id of its own and a weight above 0. */
export function checkMembers(members: readonly Member[]): void {
  if (members.length > MEMBERS_MAX) {
    throw invalidPlacement(
      `A placement takes at most ${MEMBERS_MAX} upstreams and was given ${members.length}: split them into several pools.`,
    );
  }
  const ids = new Set<string>();
  for (const { id, weight } of members) {
    if (typeof id !== 'string' || id === '')
      throw invalidPlacement('An upstream has no id: give each a text that is not empty.');
    if (ids.has(id))
      throw invalidPlacement(
        `Two upstreams have the id "${id}": give each an id of its own, and more weight to one that should get more.`,
      );
    if (typeof weight !== 'number' || !(weight > 0) || weight === Infinity) {
      throw invalidPlacement(
        `Upstream "${id}" has the weight ${String(weight)}: it must be a finite number above 0. To send it nobody, leave it out.`,
      );
    }
    ids.add(id);
  }
}

/**
 * For agreement with balancers that know whole weights only: rounding would send users elsewhere without a
 * word.
 */
export function checkWholeWeights(members: readonly Member[], weightMax: number, balancer: string): void {
  for (const { id, weight } of members) {
    if (Number.isInteger(weight) && weight <= weightMax) continue;
    throw invalidPlacement(
      `Upstream "${id}" has the weight ${String(weight)}: to agree with ${balancer} it must be a whole number from 1 to ${weightMax}.`,
    );
  }
}

export function invalidPlacement(message: string): StickyError {
  return new StickyError('STICKY_PLACEMENT_INVALID', message);
}

/**
 * 64 bits of an id, in two halves. Everything that a placement draws for an upstream comes from these, never
 * from its position.
 */
export function idHashes(id: string): [first: number, second: number] {
  return [xxh32Text(id, 1), xxh32Text(id, 2)];
}

/**
 * Places in order of id, for ties and turns: the same in every process, whatever the order of the
 * configuration.
 */
export function indexesById(members: readonly Member[]): number[] {
  return members.map((_, index) => index).sort((a, b) => (members[a]!.id < members[b]!.id ? -1 : 1));
}

/** The same upstreams in the same order, in all that a placement may look at. */
export function isSameMembers(before: readonly Member[], after: readonly Member[]): boolean {
  return (
    before.length === after.length &&
    before.every((one, index) => {
      const other = after[index]!;
      return MEMBER_FIELDS.every((field) => one[field] === other[field]);
    })
  );
}

/** What a change of members leaves alone. */
export interface MemberChange {
  /** Old index → new index; -1 for a member that left or changed its weight. */
  readonly moved: readonly number[];
  /** New indexes of the members that came or changed their weight. */
  readonly fresh: readonly number[];
  readonly isNothing: boolean;
}

export function compareMembers(before: readonly Member[], after: readonly Member[]): MemberChange {
  const indexes = new Map(after.map(({ id }, index) => [id, index]));
  const moved = before.map(({ id, weight }) => {
    const index = indexes.get(id);
    return index !== undefined && after[index]!.weight === weight ? index : -1;
  });
  const kept = new Set(moved);
  const fresh = after.map((_, index) => index).filter((index) => !kept.has(index));
  const isNothing =
    fresh.length === 0 && before.length === after.length && moved.every((to, from) => to === from);
  return { moved, fresh, isNothing };
}
