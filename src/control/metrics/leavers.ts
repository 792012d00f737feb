import { hashOfKey } from '../../route/sweep.js';

/** One bit a user: some 8 KiB, and half a percent of error at 12 000 users. */
const BITS = 65_536;
const MINUTE_MS = 60_000;

/** How many users one drain has moved away from an upstream, in one process. */
export interface LeftUsers {
  /** The seed of the drain. */
  readonly seed: number;
  readonly moved: number;
  /** Within the last whole minute, or in the first one so far. */
  readonly movedLastMinute: number;
}

/** Counts users, not requests: the six requests of a page move one user. See user-cells.ts. */
export class Leavers {
  readonly seed: number;
  readonly #bits = new Uint8Array(BITS / 8);
  #named = 0;
  #minute = 0;
  #inMinute = 0;
  #inMinuteBefore: number | undefined;

  constructor(seed: number) {
    this.seed = seed;
  }

  left(user: string, nowMs: number): void {
    this.#turn(nowMs);
    const bit = hashOfKey(user) & (BITS - 1);
    const mask = 1 << (bit & 7);
    if ((this.#bits[bit >> 3]! & mask) !== 0) return;
    this.#bits[bit >> 3]! |= mask;
    this.#named++;
    this.#inMinute++;
  }

  read(nowMs: number): LeftUsers {
    this.#turn(nowMs);
    const free = Math.max(1, BITS - this.#named);
    return {
      seed: this.seed,
      moved: Math.round(-BITS * Math.log(free / BITS)),
      movedLastMinute: this.#inMinuteBefore ?? this.#inMinute,
    };
  }

  #turn(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute === this.#minute) return;
    if (this.#minute !== 0) this.#inMinuteBefore = minute === this.#minute + 1 ? this.#inMinute : 0;
    this.#minute = minute;
    this.#inMinute = 0;
  }
}
