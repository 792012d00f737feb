import { distinctNames } from './distinct-names.js';
import { memberAddress } from './member-address.js';
import { checkMembers, checkWholeWeights, invalidPlacement } from './members.js';
import type { Member } from './placement.js';

/** What both of Envoy's hashing balancers have in common. */
export interface EnvoyHostOptions {
  /**
   * What is hashed of an upstream: its `address` (Envoy's default), or its id (`use_hostname_for_hashing`,
   * `envoy.lb` `hash_key`).
   */
  readonly hashKey: EnvoyHashKey;
  /**
   * Below how many percent of usable upstreams Envoy no longer believes it: `healthy_panic_threshold`. 0:
   * never.
   */
  readonly panicThreshold: number;
}

export const HASH_KEYS = ['address', 'id'] as const;
export type EnvoyHashKey = (typeof HASH_KEYS)[number];

export const ENVOY_DEFAULTS: EnvoyHostOptions = { hashKey: 'address', panicThreshold: 50 };
export const HASH_KEY_WANTED = '`address` or `id`';
export const PANIC_THRESHOLD_WANTED = 'a whole number of percent from 0 to 100';
const WEIGHT_SUM_MAX = 2 ** 32 - 1;

export function isPanicThreshold(percent: number): boolean {
  return Number.isInteger(percent) && percent >= 0 && percent <= 100;
}

/** Throws unless Envoy would take these; answers what it hashes of each. */
export function envoyHashKeys(
  members: readonly Member[],
  { hashKey, panicThreshold }: EnvoyHostOptions,
): string[] {
  if (!HASH_KEYS.includes(hashKey))
    throw invalidPlacement(`\`hashKey\` is ${String(hashKey)}: it must be ${HASH_KEY_WANTED}.`);
  if (!isPanicThreshold(panicThreshold))
    throw invalidPlacement(
      `\`panicThreshold\` is ${String(panicThreshold)}: it must be ${PANIC_THRESHOLD_WANTED}.`,
    );
  checkMembers(members);
  checkWholeWeights(members, WEIGHT_SUM_MAX, 'Envoy');
  const sum = members.reduce((total, { weight }) => total + weight, 0);
  if (sum > WEIGHT_SUM_MAX)
    throw invalidPlacement(
      `The weights make ${sum} in all, and Envoy takes ${WEIGHT_SUM_MAX} at most: divide them by a common factor.`,
    );
  return distinctNames(members, hashKey === 'id' ? ({ id }) => id : memberAddress, 'Envoy');
}

export interface EnvoyHosts {
  /** The indexes that Envoy spreads keys over. */
  readonly spread: readonly number[];
  /**
   * Those of them that can't be used: in a panic Envoy sends their keys to them all the same; here, to the
   * next that its retries would try.
   */
  readonly passedOver: ReadonlySet<number>;
}

/**
 * The usable ones, or all in a panic (load_balancer_impl.cc): when their share is below the threshold, and
 * 1.4 times the share, the overprovisioning factor, below 100 %.
 */
export function envoyHosts(
  members: readonly Member[],
  { panicThreshold }: EnvoyHostOptions,
  isUsable: (index: number) => boolean = () => true,
): EnvoyHosts {
  const all = members.map((_, index) => index);
  const usable = all.filter(isUsable);
  const availability = Math.floor((140 * usable.length) / all.length);
  const panics =
    usable.length > 0 && availability < 100 && (100 * usable.length) / all.length < panicThreshold;
  if (!panics) return { spread: usable, passedOver: new Set() };
  const isSpread = new Set(usable);
  return { spread: all, passedOver: new Set(all.filter((index) => !isSpread.has(index))) };
}
