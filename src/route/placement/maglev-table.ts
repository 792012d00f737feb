import { mix32 } from '../hash/mix32.js';
import { xxh32 } from '../hash/xxh32.js';
import type { HashedPlacement } from './hashed-placement.js';
import { checkMembers, compareMembers, idHashes, invalidPlacement, indexesById } from './members.js';
import type { Member } from './placement.js';

/**
 * As in the paper and in Envoy: with 100 entries an upstream, shares differ by at most 1 %, so it suits up to
 * 650.
 */
export const TABLE_SIZE_DEFAULT = 65_537;
const TABLE_SIZE_MAX = 5_000_011;
export const TABLE_SIZE_WANTED = `a prime number from 3 to ${TABLE_SIZE_MAX}`;

const FREE = 0xffff;

export function isTableSize(size: number): boolean {
  if (!Number.isInteger(size) || size < 3 || size > TABLE_SIZE_MAX || size % 2 === 0) return false;
  for (let divisor = 3; divisor * divisor <= size; divisor += 2) if (size % divisor === 0) return false;
  return true;
}

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016): the upstreams take turns, in order of id, at taking their next
 * free entry of a table, each in an order of its own; the lighter ones miss turns. The evenest of the three,
 * and the only one that moves a few users of upstreams that stayed, since every turn depends on the turns
 * before: a change fills it anew.
 */
export class MaglevTable implements HashedPlacement {
  readonly name = 'maglev';
  readonly members: readonly Member[];
  readonly #table: Uint16Array;

  constructor(members: readonly Member[], tableSize: number) {
    if (!isTableSize(tableSize))
      throw invalidPlacement(`\`tableSize\` is ${String(tableSize)}: it must be ${TABLE_SIZE_WANTED}.`);
    checkMembers(members);
    if (members.length > tableSize) {
      throw invalidPlacement(
        `A table of ${tableSize} entries is too small for ${members.length} upstreams: raise \`tableSize\` to 100 for each.`,
      );
    }
    this.members = members;
    this.#table = fill(members, tableSize);
  }

  owner(key: string): number {
    return this.ownerOfHash(xxh32(key));
  }

  rank(key: string): ArrayLike<number> {
    return this.rankOfHash(xxh32(key));
  }

  ownerOfHash(hash: number): number {
    return this.members.length === 0 ? -1 : this.#table[(hash >>> 0) % this.#table.length]!;
  }

  /**
   * From the key's entry on in steps of the key's own, so that an upstream's users don't all fall to the same
   * neighbour.
   */
  rankOfHash(hash: number): ArrayLike<number> {
    const ranked: number[] = [];
    const isRanked = new Uint8Array(this.members.length);
    const size = this.#table.length;
    const take = (index: number): void => {
      if (isRanked[index] === 0) ranked.push(index);
      isRanked[index] = 1;
    };
    let at = (hash >>> 0) % size;
    // The size is prime, so any step visits every entry.
    const step = 1 + ((mix32(hash) >>> 0) % (size - 1));
    for (let left = size; left > 0 && ranked.length < this.members.length; left--) {
      take(this.#table[at]!);
      at = (at + step) % size;
    }
    // A very light upstream can be left without an entry; it is still somebody's last resort.
    if (ranked.length < this.members.length) for (const index of indexesById(this.members)) take(index);
    return ranked;
  }

  withMembers(members: readonly Member[]): MaglevTable {
    return compareMembers(this.members, members).isNothing
      ? this
      : new MaglevTable(members, this.#table.length);
  }
}

function fill(members: readonly Member[], size: number): Uint16Array {
  const table = new Uint16Array(size).fill(FREE);
  if (members.length === 0) return table;
  const order = indexesById(members);
  const weightMax = members.reduce((max, { weight }) => Math.max(max, weight), 0);
  const hashes = members.map(({ id }) => idHashes(id));
  const next = Uint32Array.from(hashes, ([first]) => (first >>> 0) % size);
  const steps = Uint32Array.from(hashes, ([, second]) => ((second >>> 0) % (size - 1)) + 1);
  /**
   * The turn that a member waits for, in units of weight (Envoy's maglev_lb.cc): the heaviest never waits.
   */
  const due = new Float64Array(members.length);
  for (let turn = 1, free = size; ; turn++) {
    for (const index of order) {
      if (turn * members[index]!.weight < due[index]!) continue;
      due[index]! += weightMax;
      let at = next[index]!;
      while (table[at] !== FREE) at = (at + steps[index]!) % size;
      table[at] = index;
      next[index] = (at + steps[index]!) % size;
      if (--free === 0) return table;
    }
  }
}
