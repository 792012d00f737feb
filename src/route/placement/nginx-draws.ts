import { parseAddress } from '../address.js';
import { crc32More } from '../hash/crc32.js';
import { checkMembers, checkWholeWeights, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

/** As many draws as nginx makes: when the 21st is of no use either, it goes on with round robin. */
export const NGINX_DRAWS_MAX = 21;
export const NGINX_WEIGHT_MAX = 2 ** 31 - 1;

/** The numbers that nginx draws for a key, one after another. */
export interface Draws {
  /** False for a key that nginx does not place. */
  begin(key: string): boolean;
  next(): number;
}

/**
 * What nginx's `ip_hash` and `hash` share: a number is drawn for the key, and whose weight it falls on,
 * counted along the configuration, owns the key. Those that are away are counted too, and a draw that hits
 * one of them is made again.
 */
export class NginxDraws implements Placement {
  readonly name: string;
  readonly members: readonly Member[];
  readonly #draws: Draws;
  readonly #isUsable: readonly boolean[];
  readonly #usable: number;
  /** Where each member's share of the weights ends. */
  readonly #ends: Float64Array;

  constructor(name: string, members: readonly Member[], draws: Draws, isUsable = members.map(() => true)) {
    checkMembers(members);
    checkWholeWeights(members, NGINX_WEIGHT_MAX, 'nginx');
    this.name = name;
    this.members = members;
    this.#draws = draws;
    this.#isUsable = isUsable;
    this.#usable = isUsable.filter(Boolean).length;
    let end = 0;
    this.#ends = Float64Array.from(members, ({ weight }) => (end += weight));
  }

  owner(key: string): number {
    if (this.members.length < 2) return this.#usable - 1;
    if (this.#usable === 0 || !this.#draws.begin(key)) return -1;
    for (let draw = 0; draw < NGINX_DRAWS_MAX; draw++) {
      const index = this.#indexOf(this.#draws.next());
      if (this.#isUsable[index]!) return index;
    }
    return -1;
  }

  /** Whoever was named is of no use to the draws behind it, as after a failed try in nginx. */
  rank(key: string): ArrayLike<number> {
    if (this.members.length < 2) return this.#usable === 0 ? [] : [0];
    const ranked: number[] = [];
    if (!this.#draws.begin(key)) return ranked;
    for (let useless = 0; useless < NGINX_DRAWS_MAX && ranked.length < this.#usable;) {
      const index = this.#indexOf(this.#draws.next());
      if (this.#isUsable[index]! && !ranked.includes(index)) ranked.push(index);
      else useless++;
    }
    return ranked;
  }

  withMembers(members: readonly Member[]): NginxDraws {
    if (this.#usable === this.members.length && isSameMembers(this.members, members)) return this;
    return new NginxDraws(this.name, members, this.#draws);
  }

  among(isUsable: (index: number) => boolean): NginxDraws {
    return new NginxDraws(
      this.name,
      this.members,
      this.#draws,
      this.members.map((_, index) => isUsable(index)),
    );
  }

  #indexOf(hash: number): number {
    const ends = this.#ends;
    const at = hash % ends[ends.length - 1]!;
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** ngx_http_upstream_ip_hash_module.c: the first three octets of IPv4, all of IPv6. */
export class AddressDraws implements Draws {
  readonly #octets = new Uint8Array(16);
  #count = 0;
  #hash = 0;

  begin(key: string): boolean {
    const address = parseAddress(key);
    if (address === undefined) return false;
    this.#hash = 89;
    const octets = this.#octets;
    if (typeof address === 'number') {
      this.#count = 3;
      for (let at = 0; at < 3; at++) octets[at] = address >>> (24 - at * 8);
    } else {
      this.#count = 16;
      for (let at = 0; at < 16; at++) octets[at] = address[at >> 1]! >>> ((at & 1) === 0 ? 8 : 0);
    }
    return true;
  }

  next(): number {
    for (let at = 0; at < this.#count; at++) this.#hash = (this.#hash * 113 + this.#octets[at]!) % 6271;
    return this.#hash;
  }
}

/**
 * ngx_http_upstream_hash_module.c without `consistent`, which is Cache::Memcached's: draws add up, and from
 * the second on a counter goes before the key.
 */
export class KeyDraws implements Draws {
  #key = '';
  #sum = 0;
  #count = 0;

  begin(key: string): boolean {
    this.#key = key;
    this.#sum = 0;
    this.#count = 0;
    return key !== '';
  }

  next(): number {
    const state = this.#count === 0 ? -1 : crc32More(String(this.#count), -1);
    this.#sum += (~crc32More(this.#key, state) >>> 16) & 0x7fff;
    this.#count++;
    return this.#sum;
  }
}
