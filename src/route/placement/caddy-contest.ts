import { toByteString } from '../../base/framed-key.js';
import { fnv1a32, fnv1a32Step } from '../hash/fnv1a.js';
import { compareUnsigned, greatestOf } from '../hash/word64.js';
import { Xxh64Each } from '../hash/xxh64-each.js';
import { checkAddresses, memberAddress } from './member-address.js';
import { checkMembers, invalidPlacement, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

export const CADDY_VERSION_DEFAULT = '2.8';
export const CADDY_VERSION_WANTED =
  'the version of Caddy as text, from "2.5.1" on, such as "2.8.4"; of 2.5 and 2.6 with the last number, since it matters there';

/** What is hashed, and how: `keyFirst` and `addressFirst` with FNV-1a of 32 bits. */
type Way = 'keyFirst' | 'addressFirst' | 'xxh64';

/**
 * Undefined for a version that hashes another way, or for what isn't one.
 * modules/caddyhttp/reverseproxy/selectionpolicies.go, tag by tag.
 */
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
 * The hash policies of Caddy (`hostByHashing`): each upstream's address and the key are hashed together, and
 * the greatest hash wins, the first of equals. Health is a filter here too.
 */
export class CaddyContest implements Placement {
  readonly name = 'caddyHrw';
  readonly members: readonly Member[];
  readonly #version: string;
  readonly #way: Way;
  /** For `keyFirst`: how all addresses begin, and the rest of each. */
  readonly #shared: string;
  readonly #rests: readonly string[];
  /** For `addressFirst`: each address hashed, to go on from. */
  readonly #begun: Int32Array;
  /** For `xxh64`. */
  readonly #each: Xxh64Each | undefined;
  readonly #high: Int32Array;
  readonly #low: Int32Array;

  constructor(members: readonly Member[], version: string) {
    const way = caddyWay(version);
    if (way === undefined)
      throw invalidPlacement(
        `\`version\` is ${JSON.stringify(version)}: it must be ${CADDY_VERSION_WANTED}.`,
      );
    checkMembers(members);
    checkAddresses(members, 'Caddy would never choose the second');
    for (const { id, weight } of members) {
      if (weight !== 1)
        throw invalidPlacement(
          `Upstream "${id}" has the weight ${String(weight)}: Caddy's hash policies know no weights. Leave it out.`,
        );
    }
    this.members = members;
    this.#version = version;
    this.#way = way;
    const addresses = members.map((member) => toByteString(memberAddress(member)));
    this.#shared = sharedStart(addresses);
    this.#rests = addresses.map((address) => address.slice(this.#shared.length));
    this.#begun = Int32Array.from(addresses, (address) => fnv1a32(address));
    this.#each = way === 'xxh64' ? new Xxh64Each(addresses) : undefined;
    this.#high = this.#each?.highs ?? new Int32Array(members.length);
    this.#low = this.#each?.lows ?? new Int32Array(members.length);
  }

  owner(key: string): number {
    if (this.#each !== undefined) return this.#each.greatest(key);
    this.#draw(key);
    return greatestOf(this.#high, this.#low);
  }

  rank(key: string): ArrayLike<number> {
    this.#draw(key);
    const high = this.#high;
    const low = this.#low;
    const ranked = this.members
      .map((_, index) => index)
      .filter((index) => high[index] !== 0 || low[index] !== 0);
    return ranked.sort((a, b) => compareUnsigned(high[b]!, low[b]!, high[a]!, low[a]!));
  }

  withMembers(members: readonly Member[]): CaddyContest {
    return isSameMembers(this.members, members) ? this : new CaddyContest(members, this.#version);
  }

  #draw(key: string): void {
    if (this.#each !== undefined) this.#each.hash(key);
    else if (this.#way === 'addressFirst') this.#drawFromAddresses(key);
    else {
      const begun = fnv1a32(this.#shared, fnv1a32(key));
      for (let index = 0; index < this.#low.length; index++)
        this.#low[index] = fnv1a32(this.#rests[index]!, begun);
    }
  }

  /** FNV-1a waits for one multiplication after the other: four at a time take half as long as one by one. */
  #drawFromAddresses(key: string): void {
    const begun = this.#begun;
    const low = this.#low;
    let index = 0;
    for (; index + 4 <= low.length; index += 4) {
      let a = begun[index]!;
      let b = begun[index + 1]!;
      let c = begun[index + 2]!;
      let d = begun[index + 3]!;
      for (let at = 0; at < key.length; at++) {
        const byte = key.charCodeAt(at);
        a = fnv1a32Step(a, byte);
        b = fnv1a32Step(b, byte);
        c = fnv1a32Step(c, byte);
        d = fnv1a32Step(d, byte);
      }
      low[index] = a;
      low[index + 1] = b;
      low[index + 2] = c;
      low[index + 3] = d;
    }
    for (; index < low.length; index++) low[index] = fnv1a32(key, begun[index]!);
  }
}

function sharedStart([first = '', ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
