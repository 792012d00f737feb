import { framedKey, toByteString } from '../base/framed-key.js';
import { mix32 } from './hash/mix32.js';
import { xxh32 } from './hash/xxh32.js';

/**
 * A paced change of who belongs where. Every user has a turn between the two instants, drawn from the seed
 * and the user's key. A sweep has no state: gateways that have the same instants agree without talking, and
 * a clock that is off by a second gives each user its turn a second earlier or later. The instants are made
 * once, by whoever starts the sweep, in milliseconds since 1970.
 */
export interface Sweep {
  /** A 32-bit number; see `sweepSeed`. */
  readonly seed: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A user's key, or the 32-bit hash of it where that is at hand (`hashOfKey`). */
export type SweepKey = string | number;

const NUMBERS = 2 ** 32;

/** The 32-bit hash of a key. Two users may share one: they then have their turn together. */
export function hashOfKey(key: string): number {
  return xxh32(key);
}

/** A seed made of names, so that each sweep draws its own turns: `sweepSeed('drain', 'api-2', '17…')`. */
export function sweepSeed(...names: readonly string[]): number {
  return xxh32(framedKey(...names.map((name) => toByteString(name)))) >>> 0;
}

/** A number from 0 up to, not including, 1: the same for the same seed and key, on every machine. */
export function hash01(seed: number, key: SweepKey): number {
  // Once before and once behind the seed: with one round, seeds that differ little would draw alike.
  const hash = mix32(typeof key === 'string' ? hashOfKey(key) : key);
  return (mix32(hash ^ seed) >>> 0) / NUMBERS;
}

/** The instant of a user's turn, in milliseconds since 1970. */
export function turnOf({ seed, fromMs, untilMs }: Sweep, key: SweepKey): number {
  return untilMs <= fromMs ? untilMs : fromMs + hash01(seed, key) * (untilMs - fromMs);
}

/** Has the user's turn come? Once it has, it stays so. */
export function passed(sweep: Sweep, key: SweepKey, nowMs: number): boolean {
  if (nowMs <= sweep.fromMs && sweep.fromMs < sweep.untilMs) return false;
  return nowMs >= sweep.untilMs || nowMs > turnOf(sweep, key);
}

/** The share of a sweep that is over, from 0 to 1. */
export function progressOf({ fromMs, untilMs }: Sweep, nowMs: number): number {
  if (nowMs >= untilMs) return 1;
  return nowMs <= fromMs ? 0 : (nowMs - fromMs) / (untilMs - fromMs);
}
