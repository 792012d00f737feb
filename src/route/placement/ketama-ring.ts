import { fnv1a64Twemproxy } from '../hash/fnv1a.js';
import { md5 } from '../hash/md5.js';
import {
  type KetamaSpelling,
  type KetamaSpellingName,
  ketamaNames,
  SPELLING_NAMES,
  SPELLINGS,
} from './ketama-spelling.js';
import { invalidPlacement, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';
import { WideCircle } from './wide-circle.js';

export interface KetamaOptions {
  readonly spelling: KetamaSpellingName;
  /**
   * Of the keys; points are MD5 in all of the family. Only twemproxy has another, `fnv1a_64`, which is its
   * default.
   */
  readonly hash: KetamaHash;
}

export const KETAMA_HASHES = ['md5', 'fnv1a_64'] as const;
export type KetamaHash = (typeof KETAMA_HASHES)[number];
export const KETAMA_DEFAULTS: KetamaOptions = { spelling: 'libketama', hash: 'md5' };
export const HASH_WANTED = '`md5` unless `spelling` is `twemproxy`';

const POINTS_A_DIGEST = 4;
/** spymemcached's KetamaNodeLocator.getSequence; after these it tries the one that is down. */
const LEAPS_MAX = 7;

const digest = new Int32Array(POINTS_A_DIGEST);

export function isKetamaHash({ spelling, hash }: KetamaOptions): boolean {
  return hash === 'md5' || (hash === 'fnv1a_64' && spelling === 'twemproxy');
}

/**
 * The ring that memcached's clients made known: four points of each MD5 of an upstream's name and a number.
 */
export class KetamaRing implements Placement {
  readonly name = 'ketamaMd5';
  readonly members: readonly Member[];
  readonly #options: KetamaOptions;
  readonly #spelling: KetamaSpelling;
  readonly #circle: WideCircle;
  /** How many have a point. */
  readonly #owners: number;
  /** True until `among` says otherwise. */
  readonly #isWhole: boolean;
  /** Places on the ring that can't be used. */
  readonly #passedOver: ReadonlySet<number>;

  constructor(
    members: readonly Member[],
    options: KetamaOptions,
    before?: { readonly usable: ReadonlySet<number>; readonly circle: WideCircle },
  ) {
    if (!SPELLING_NAMES.includes(options.spelling))
      throw invalidPlacement(
        `\`spelling\` is ${String(options.spelling)}: it must be one of ${SPELLING_NAMES.join(', ')}.`,
      );
    if (!isKetamaHash(options))
      throw invalidPlacement(`\`hash\` is ${String(options.hash)}: it must be ${HASH_WANTED}.`);
    this.members = members;
    this.#options = options;
    this.#spelling = SPELLINGS[options.spelling];
    this.#isWhole = before === undefined;
    const all = members.map((_, index) => index);
    const usable = before?.usable ?? new Set(all);
    const isKept = before !== undefined && !this.#spelling.isRemade;
    this.#circle = isKept ? before.circle : this.#made(all.filter((index) => usable.has(index)));
    this.#passedOver = new Set(isKept ? all.filter((index) => !usable.has(index)) : []);
    this.#owners = new Set(this.#circle.owners).size;
  }

  owner(key: string): number {
    const owner = this.#circle.owners[this.#circle.from(this.#hashOf(key), 0)] ?? -1;
    return this.#passedOver.has(owner) ? (this.#ranked(key, 1)[0] ?? -1) : owner;
  }

  rank(key: string): ArrayLike<number> {
    return this.#ranked(key, this.members.length);
  }

  withMembers(members: readonly Member[]): KetamaRing {
    return this.#isWhole && isSameMembers(this.members, members)
      ? this
      : new KetamaRing(members, this.#options);
  }

  among(isUsable: (index: number) => boolean): KetamaRing {
    const usable = new Set(this.members.map((_, index) => index).filter(isUsable));
    return new KetamaRing(this.members, this.#options, { usable, circle: this.#circle });
  }

  /** Each where it is first met, until `limit` of those that can be used are found. */
  #ranked(key: string, limit: number): number[] {
    const { owners } = this.#circle;
    const isMet = new Uint8Array(this.members.length);
    const ranked: number[] = [];
    let met = 0;
    const meet = (owner: number): void => {
      if (isMet[owner] === 1) return;
      isMet[owner] = 1;
      met++;
      if (!this.#passedOver.has(owner)) ranked.push(owner);
    };
    let hash = this.#hashOf(key);
    if (this.#spelling.leaps) {
      for (let leap = 0; leap < LEAPS_MAX && met < this.#owners && ranked.length < limit; leap++) {
        meet(owners[this.#circle.from(hash, 0)]!);
        hash += this.#hashOf(`${leap}${key}`);
      }
    } else {
      for (
        let at = this.#circle.from(hash, 0);
        met < this.#owners && ranked.length < limit;
        at = at + 1 < owners.length ? at + 1 : 0
      )
        meet(owners[at]!);
    }
    return ranked;
  }

  #hashOf(key: string): number {
    // nc_server.c, server_pool_hash.
    if (key === '' && this.#options.spelling === 'twemproxy') return 0;
    if (this.#options.hash === 'fnv1a_64') return fnv1a64Twemproxy(key);
    md5(key, digest);
    return digest[0]!;
  }

  #made(indexes: readonly number[]): WideCircle {
    const names = ketamaNames(this.members, this.#spelling);
    const counts = this.#spelling.digestCounts(indexes.map((index) => this.members[index]!.weight));
    const size = POINTS_A_DIGEST * counts.reduce((total, count) => total + count, 0);
    const hashes = new Uint32Array(size);
    const owners = new Uint16Array(size);
    const turns = indexes.map((index, at) => ({ index, count: counts[at]! }));
    if (this.#spelling.isLastFirst) turns.reverse();
    let put = 0;
    for (const { index, count } of turns) {
      for (let i = 0; i < count; i++) {
        md5(`${names[index]!}-${i}`, digest);
        hashes.set(digest, put);
        owners.fill(index, put, (put += POINTS_A_DIGEST));
      }
    }
    return new WideCircle(hashes, new Uint32Array(size), owners);
  }
}
