/*
 * Users of an upstream are counted without a table of users. A user's hash names one of many cells, and the
 * cell keeps the time slot in which it was last named. How many cells were named within a window says how
 * many users there were (linear counting: Whang, Vander-Zanden, Taylor 1990). One byte a cell serves every
 * window; docs/decisions/users-are-counted-in-cells.md has the arithmetic.
 */

export const SLOT_MS = 15_000;
/** 0.5 % of error up to 200 000 users. */
export const CELLS = 65_536;
/** 1.3 % up to 20 000. */
export const CELLS_OF_MANY = 8192;
/** So many upstreams of a process have `CELLS`, which is 32 MiB; the others `CELLS_OF_MANY`. */
export const LARGE_MAX = 512;

/** The windows, in slots: 1, 15 and 60 minutes. The slot that is under way comes on top. */
const WINDOW_SLOTS = [4, 60, 240] as const;
const SLOTS_MAX = WINDOW_SLOTS[2];
/** Slots are numbered from 1 to this, again and again; 0 is a cell that nobody named. */
const NUMBERS = 255;

/** How many users there were within the last minutes. */
export interface BoundUsers {
  readonly minutes1: number;
  readonly minutes15: number;
  readonly minutes60: number;
}

export const NO_USERS: BoundUsers = { minutes1: 0, minutes15: 0, minutes60: 0 };

/**
 * Which cells were named, to be sent and joined: 3 within the last minute, 2 within 15, 1 within 60. Few of
 * them are listed (`cells`); of many there is a number for each cell.
 */
export interface UsersSeen {
  readonly size: number;
  readonly cells: Uint16Array | undefined;
  readonly recency: Uint8Array;
}

/** The slot that is under way, for all upstreams of a process. */
export class SlotCount {
  /** From 1 to 255. */
  number = 1;
  /** Without starting anew. */
  slot: number;

  constructor(nowMs: number) {
    this.slot = Math.floor(nowMs / SLOT_MS);
  }

  /** How many slots are over since the last look. */
  advance(nowMs: number): number {
    const slot = Math.floor(nowMs / SLOT_MS);
    const passed = slot - this.slot;
    this.slot = slot;
    this.number = ((this.number - 1 + passed) % NUMBERS) + 1;
    return passed;
  }
}

/** The users of one upstream. */
export class UserCells {
  readonly #slots: SlotCount;
  readonly #cells: Uint8Array;
  readonly #mask: number;

  constructor(slots: SlotCount, size: number) {
    this.#slots = slots;
    this.#cells = new Uint8Array(size);
    this.#mask = size - 1;
  }

  get size(): number {
    return this.#cells.length;
  }

  /** `user`: a hash of 32 bits. */
  saw(user: number): void {
    this.#cells[user & this.#mask] = this.#slots.number;
  }

  /**
   * Forgets what no window shows any more. Due before a slot's number comes again: at least once in 14 slots.
   * `before`: the number of the slot that was under way until now; `passed`: how many slots ago that was.
   */
  forget(before: number, passed: number): void {
    const cells = this.#cells;
    for (let at = 0; at < cells.length; at++) {
      const slot = cells[at]!;
      if (slot !== 0 && ((before - slot + NUMBERS) % NUMBERS) + passed > SLOTS_MAX) cells[at] = 0;
    }
  }

  read(): UsersSeen | undefined {
    const cells = this.#cells;
    const recencies = recencyBySlot(this.#slots.number);
    const recency = new Uint8Array(cells.length);
    let named = 0;
    for (let at = 0; at < cells.length; at++) {
      const slot = cells[at]!;
      if (slot === 0) continue;
      const of = recencies[slot]!;
      recency[at] = of;
      if (of !== 0) named++;
    }
    if (named === 0) return undefined;
    return named * 3 < cells.length
      ? listed(recency, named)
      : { size: cells.length, cells: undefined, recency };
  }
}

function recencyBySlot(now: number): Uint8Array {
  return Uint8Array.from({ length: NUMBERS + 1 }, (_, slot) => {
    const age = (now - slot + NUMBERS) % NUMBERS;
    return slot === 0 ? 0 : WINDOW_SLOTS.filter((slots) => age <= slots).length;
  });
}

function listed(recency: Uint8Array, named: number): UsersSeen {
  const cells = new Uint16Array(named);
  const of = new Uint8Array(named);
  let next = 0;
  for (let at = 0; at < recency.length; at++) {
    if (recency[at] === 0) continue;
    cells[next] = at;
    of[next++] = recency[at]!;
  }
  return { size: recency.length, cells, recency: of };
}

/**
 * How many users several processes have seen together. One whom two of them saw counts once, for he named the
 * same cell.
 */
export function countUsers(seen: readonly UsersSeen[]): BoundUsers {
  if (seen.length === 0) return NO_USERS;
  const size = Math.min(...seen.map((each) => each.size));
  const joined = new Uint8Array(size);
  for (const { cells, recency } of seen) {
    for (let at = 0; at < recency.length; at++) {
      const cell = (cells === undefined ? at : cells[at]!) & (size - 1);
      if (recency[at]! > joined[cell]!) joined[cell] = recency[at]!;
    }
  }
  const named = [0, 0, 0, 0];
  for (const recency of joined) named[recency]!++;
  const within = (recency: number): number =>
    estimate(
      size,
      named.slice(recency).reduce((sum, each) => sum + each, 0),
    );
  return { minutes1: within(3), minutes15: within(2), minutes60: within(1) };
}

/** With every cell named, there may be any number more. */
function estimate(size: number, named: number): number {
  return Math.round(size * Math.log(size / Math.max(1, size - named)));
}
