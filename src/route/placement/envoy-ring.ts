import { murmur64a } from '../hash/murmur64a.js';
import { Word64 } from '../hash/word64.js';
import { xxh64 } from '../hash/xxh64.js';
import { ENVOY_DEFAULTS, envoyHashKeys, envoyHosts, type EnvoyHostOptions } from './envoy-hosts.js';
import { invalidPlacement, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';
import { WideCircle } from './wide-circle.js';

export interface EnvoyRingOptions extends EnvoyHostOptions {
  readonly minRingSize: number;
  readonly maxRingSize: number;
  /** Of the points: `hash_function`. Keys are hashed with XXH64 either way. */
  readonly hash: RingHash;
}

export const RING_HASHES = ['xxhash', 'murmur2'] as const;
export type RingHash = (typeof RING_HASHES)[number];

const RING_SIZE_MAX = 2 ** 23;
export const ENVOY_RING_DEFAULTS: EnvoyRingOptions = {
  ...ENVOY_DEFAULTS,
  minRingSize: 1024,
  maxRingSize: RING_SIZE_MAX,
  hash: 'xxhash',
};
export const RING_SIZE_WANTED = `a whole number from 1 to ${RING_SIZE_MAX}`;
export const RING_SIZES_WANTED = 'at most `maxRingSize`';

export function isRingSize(size: number): boolean {
  return Number.isInteger(size) && size >= 1 && size <= RING_SIZE_MAX;
}

const hash = new Word64();

/**
 * Envoy's ring hash (ring_hash_lb.cc): the lightest host gets a whole number of points, the others in
 * proportion, so that the points of all depend on who is there. A host that is down is therefore taken off,
 * and a new ring made of the rest.
 */
export class EnvoyRing implements Placement {
  readonly name = 'envoyRingHash';
  readonly members: readonly Member[];
  readonly #options: EnvoyRingOptions;
  readonly #hashKeys: readonly string[];
  readonly #ring: WideCircle;
  readonly #owners: number;
  readonly #passedOver: ReadonlySet<number>;
  /** True until `among` says otherwise. */
  readonly #isWhole: boolean;

  constructor(members: readonly Member[], options: EnvoyRingOptions, isUsable?: (index: number) => boolean) {
    checkRingOptions(options);
    this.members = members;
    this.#isWhole = isUsable === undefined;
    this.#options = options;
    this.#hashKeys = envoyHashKeys(members, options);
    const { spread, passedOver } = envoyHosts(members, options, isUsable);
    this.#passedOver = passedOver;
    this.#ring = this.#build(spread);
    this.#owners = new Set(this.#ring.owners).size;
  }

  owner(key: string): number {
    xxh64(key, 0, hash);
    const owner = this.#ring.owners[this.#ring.from(hash.high, hash.low)] ?? -1;
    return this.#passedOver.has(owner) ? (this.#ranked(key, 1)[0] ?? -1) : owner;
  }

  rank(key: string): ArrayLike<number> {
    return this.#ranked(key, this.members.length);
  }

  withMembers(members: readonly Member[]): EnvoyRing {
    return this.#isWhole && isSameMembers(this.members, members)
      ? this
      : new EnvoyRing(members, this.#options);
  }

  among(isUsable: (index: number) => boolean): EnvoyRing {
    return new EnvoyRing(this.members, this.#options, isUsable);
  }

  /** Envoy's further attempts take one point after the other; each host counts where it is first met. */
  #ranked(key: string, limit: number): number[] {
    xxh64(key, 0, hash);
    const { owners } = this.#ring;
    const isMet = new Uint8Array(this.members.length);
    const ranked: number[] = [];
    let met = 0;
    for (
      let at = this.#ring.from(hash.high, hash.low);
      met < this.#owners && ranked.length < limit;
      at = at + 1 < owners.length ? at + 1 : 0
    ) {
      const owner = owners[at]!;
      if (isMet[owner] === 1) continue;
      isMet[owner] = 1;
      met++;
      if (!this.#passedOver.has(owner)) ranked.push(owner);
    }
    return ranked;
  }

  /**
   * Sums of doubles decide how many points each gets, so they are added up in Envoy's order, which is that of
   * the configuration.
   */
  #build(indexes: readonly number[]): WideCircle {
    const { minRingSize, maxRingSize } = this.#options;
    const weights = indexes.map((index) => this.members[index]!.weight);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const lightest = weights.reduce((least, weight) => Math.min(least, weight / sum), 1);
    const scale = Math.min(Math.ceil(lightest * minRingSize) / lightest, maxRingSize);
    let size = 0;
    let target = 0;
    const counts = weights.map((weight) => {
      target += scale * (weight / sum);
      const count = Math.max(0, Math.ceil(target) - size);
      size += count;
      return count;
    });
    const highs = new Uint32Array(size);
    const lows = new Uint32Array(size);
    const owners = new Uint16Array(size);
    let put = 0;
    counts.forEach((count, at) => {
      const index = indexes[at]!;
      const prefix = `${this.#hashKeys[index]!}_`;
      for (let i = 0; i < count; i++) {
        if (this.#options.hash === 'murmur2') murmur64a(prefix + i, hash);
        else xxh64(prefix + i, 0, hash);
        highs[put] = hash.high;
        lows[put] = hash.low;
        owners[put++] = index;
      }
    });
    return new WideCircle(highs, lows, owners);
  }
}

function checkRingOptions({ minRingSize, maxRingSize, hash }: EnvoyRingOptions): void {
  if (!isRingSize(minRingSize))
    throw invalidPlacement(`\`minRingSize\` is ${String(minRingSize)}: it must be ${RING_SIZE_WANTED}.`);
  if (!isRingSize(maxRingSize))
    throw invalidPlacement(`\`maxRingSize\` is ${String(maxRingSize)}: it must be ${RING_SIZE_WANTED}.`);
  if (minRingSize > maxRingSize)
    throw invalidPlacement(
      `\`minRingSize\` is ${minRingSize}: it must be ${RING_SIZES_WANTED}, which is ${maxRingSize}.`,
    );
  if (!RING_HASHES.includes(hash))
    throw invalidPlacement(`\`hash\` is ${String(hash)}: it must be \`xxhash\` or \`murmur2\`.`);
}
