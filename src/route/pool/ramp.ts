import type { Random } from '../../base/random.js';
import { hashOfKey, passed, progressOf, type Sweep, sweepSeed } from '../sweep.js';
import { takesNewUsers, type PoolSnapshot } from './snapshot.js';

/** Of the picks that an upstream would get, the share that it has when its ramp begins. */
const SHARE_FLOOR = 0.1;
const DRAWS = 2 ** 32;

/** The ramp of an upstream that came at this instant. Gateways with the same instants draw the same turns. */
export function rampOf(id: string, fromMs: number, rampUpMs: number): Sweep {
  const untilMs = fromMs + rampUpMs;
  return { seed: sweepSeed('ramp', id, String(fromMs), String(untilMs)), fromMs, untilMs };
}

/**
 * Whose the key is while upstreams ramp up: that of the best of `rank` whose ramp has come to the key. Until
 * then the user stays where it was when the ramp began, whatever else has begun to ramp since; so it moves
 * once. Where everybody ramps, the best has it. -1: nobody takes new users.
 */
export function ownerInRamp(pool: PoolSnapshot, rank: ArrayLike<number>, key: string, nowMs: number): number {
  const hash = hashOfKey(key);
  let best = -1;
  let atMs = nowMs;
  for (let place = 0; place < rank.length; place++) {
    const index = rank[place]!;
    if (!takesNewUsers(pool, index)) continue;
    if (best === -1) best = index;
    const ramp = pool.ramps?.[index];
    if (ramp === undefined || passed(ramp, hash, atMs)) return index;
    atMs = Math.min(atMs, ramp.fromMs);
  }
  return best;
}

/** The upstreams that the balance passes over this once, so that each ramps up in its share of picks. */
export function passedOver(
  ramps: NonNullable<PoolSnapshot['ramps']>,
  nowMs: number,
  random: Random,
): number[] {
  const over: number[] = [];
  for (let index = 0; index < ramps.length; index++) {
    const ramp = ramps[index];
    if (ramp === undefined || nowMs >= ramp.untilMs) continue;
    const share = Math.max(SHARE_FLOOR, progressOf(ramp, nowMs));
    if (random.below(DRAWS) / DRAWS >= share) over.push(index);
  }
  return over;
}
