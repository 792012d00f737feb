import type { PoolEvent } from './pool-event.js';
import { rampOf } from './ramp.js';
import type { PoolSnapshot } from './snapshot.js';

/**
 * Who joined a pool or came back to it, and ramps up for that. It is kept where the pool's health is judged,
 * so that all workers have the same instants.
 */
export class Arrivals {
  /** 0: nobody ramps up. */
  rampUpMs: number;
  /** Who came a short time ago, and until when it is new; with or without a ramp. */
  readonly #newUntil = new Map<string, number>();

  constructor(rampUpMs: number) {
    this.rampUpMs = rampUpMs;
  }

  /** The ramps that begin with this change of the pool. Without somebody who was there before: none. */
  rampsOf(before: PoolSnapshot, after: PoolSnapshot, nowMs: number): PoolEvent[] {
    for (const id of this.#newUntil.keys())
      if (after.indexOf(id) === undefined || nowMs >= this.#newUntil.get(id)!) this.#newUntil.delete(id);
    if (this.rampUpMs === 0) return [];
    const came: string[] = [];
    let isSomebodySettled = false;
    after.upstreams.forEach(({ id, url }, index) => {
      if (!isServing(after, index, nowMs)) return;
      const was = before.indexOf(id);
      const isThere =
        was !== undefined && before.upstreams[was]!.url === url && isServing(before, was, nowMs);
      if (!isThere) came.push(id);
      else if (after.standings[index] === 'in' && !this.#newUntil.has(id)) isSomebodySettled = true;
    });
    for (const id of came) this.#newUntil.set(id, nowMs + this.rampUpMs);
    if (!isSomebodySettled) return [];
    return came.map((id) => {
      const { url } = after.upstreams[after.indexOf(id)!]!;
      return { kind: 'ramp', id, url, ramp: rampOf(id, nowMs, this.rampUpMs) };
    });
  }
}

/** Are users with it? One that is emptied has them until the end, and keeps those left if it is undone. */
function isServing({ conditions, standings }: PoolSnapshot, index: number, nowMs: number): boolean {
  const standing = standings[index]!;
  if (conditions[index] !== 'up') return false;
  return typeof standing === 'string' ? standing === 'in' : nowMs < standing.leaving.untilMs;
}
