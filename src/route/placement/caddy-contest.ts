import { fnv1a32 } from '../hash/fnv1a.js';
import { compareUnsigned, Word64 } from '../hash/word64.js';
import { xxh64 } from '../hash/xxh64.js';
import { checkAddresses, memberAddress } from './member-address.js';
import { checkMembers, invalid, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

export const CADDY_VERSION_DEFAULT = '2.8';
export const CADDY_VERSION_WANTED = 'the version of Caddy as text, from "2.5.1" on, such as "2.8.4"; of 2.5 and 2.6 with the last number, since it matters there';

/** What is hashed, and how: `keyFirst` and `addressFirst` with FNV-1a of 32 bits. */
type Way = 'keyFirst' | 'addressFirst' | 'xxh64';

/** Undefined for a version that hashes another way, or for what isn't one. modules/caddyhttp/reverseproxy/selectionpolicies.go, tag by tag. */
export function caddyWay(version: string): Way | undefined {
  const [, minorText, patchText] = /^v?2\.(\d{1,3})(?:\.(\d{1,3}))?$/.exec(version) ?? [];
  const minor = Number(minorText);
  if (minor >= 8) return 'xxh64';
  if (minor === 7) return 'addressFirst';
  if (patchText === undefined) return undefined;
  const patch = Number(patchText);
  if (minor === 6) return patch >= 3 ? 'addressFirst' : 'keyFirst';
  return minor === 5 && patch >= 1 ? 'keyFirst' : undefined;
}

/**
 * The hash policies of Caddy (`hostByHashing`): each upstream's address and the key are hashed together, and the greatest hash wins, the first of equals.
 * Health is a filter here too.
 */
export class CaddyContest implements Placement {
  readonly name = 'caddy-hrw';
  readonly members: readonly Member[];
  readonly #version: string;
  readonly #way: Way;
  readonly #addresses: readonly string[];
  /** For `addressFirst`: each address hashed, to go on from. */
  readonly #begun: Int32Array;
  readonly #high: Int32Array;
  readonly #low: Int32Array;
  readonly #word = new Word64();

  constructor(members: readonly Member[], version: string) {
    const way = caddyWay(version);
    if (way === undefined) throw invalid(`\`version\` is ${JSON.stringify(version)}: it must be ${CADDY_VERSION_WANTED}.`);
    checkMembers(members);
    checkAddresses(members, 'Caddy would never choose the second');
    for (const { id, weight } of members) {
      if (weight !== 1) throw invalid(`Upstream "${id}" has the weight ${String(weight)}: Caddy's hash policies know no weights. Leave it out.`);
    }
    this.members = members;
    this.#version = version;
    this.#way = way;
    this.#addresses = members.map(memberAddress);
    this.#begun = Int32Array.from(this.#addresses, (address) => fnv1a32(address));
    this.#high = new Int32Array(members.length);
    this.#low = new Int32Array(members.length);
  }

  owner(key: string): number {
    this.#draw(key);
    let best = -1;
    for (let place = 0; place < this.#low.length; place++) if (this.#isAbove(place, best)) best = place;
    return best;
  }

  rank(key: string): ArrayLike<number> {
    this.#draw(key);
    const ranked = this.members.map((_, place) => place).filter((place) => this.#isAbove(place, -1));
    return ranked.sort((a, b) => compareUnsigned(this.#high[b]!, this.#low[b]!, this.#high[a]!, this.#low[a]!));
  }

  withMembers(members: readonly Member[]): CaddyContest {
    return isSameMembers(this.members, members) ? this : new CaddyContest(members, this.#version);
  }

  /** Strictly, so that the first of equals stays; -1 stands for no hash at all, and nobody wins with 0. */
  #isAbove(place: number, other: number): boolean {
    const [high, low] = other === -1 ? [0, 0] : [this.#high[other]!, this.#low[other]!];
    return compareUnsigned(this.#high[place]!, this.#low[place]!, high, low) > 0;
  }

  #draw(key: string): void {
    const addresses = this.#addresses;
    if (this.#way === 'xxh64') {
      for (let place = 0; place < addresses.length; place++) {
        xxh64(addresses[place]! + key, 0, this.#word);
        this.#high[place] = this.#word.high;
        this.#low[place] = this.#word.low;
      }
    } else if (this.#way === 'addressFirst') {
      for (let place = 0; place < addresses.length; place++) this.#low[place] = fnv1a32(key, this.#begun[place]!);
    } else {
      const begun = fnv1a32(key);
      for (let place = 0; place < addresses.length; place++) this.#low[place] = fnv1a32(addresses[place]!, begun);
    }
  }
}
