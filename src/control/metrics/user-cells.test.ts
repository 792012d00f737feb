import { describe, expect, it } from 'vitest';
import { hashOfKey } from '../../route/sweep.js';
import {
  CELLS,
  CELLS_OF_MANY,
  countUsers,
  SLOT_MS,
  SlotCount,
  UserCells,
  type UsersSeen,
} from './user-cells.js';

const MINUTE = 60_000;

function seen(count: number, size = CELLS, prefix = 'user-'): UsersSeen {
  const cells = new UserCells(new SlotCount(0), size);
  for (let user = 0; user < count; user++) cells.saw(hashOfKey(`${prefix}${user}`));
  return cells.read()!;
}

/** Cells of one upstream, and time. */
function upstream(): { cells: UserCells; pass(ms: number, step?: number): void } {
  let nowMs = 0;
  const slots = new SlotCount(nowMs);
  const cells = new UserCells(slots, CELLS);
  return {
    cells,
    pass(ms, step = SLOT_MS) {
      for (const end = nowMs + ms; nowMs < end;) {
        nowMs = Math.min(end, nowMs + step);
        const before = slots.number;
        cells.forget(before, slots.advance(nowMs));
      }
    },
  };
}

describe('users counted in cells', () => {
  it.each([1, 2, 10, 100, 1000, 10_000, 50_000, 100_000, 150_000, 200_000])(
    '%i users are counted with an error of 2 % at the most',
    (count) => {
      for (const prefix of ['user-', '2b1f0c9e-6d1a-4c1e-9a53-', 'a@example.org/']) {
        const { minutes1 } = countUsers([seen(count, CELLS, prefix)]);
        expect(Math.abs(minutes1 - count) / count, prefix).toBeLessThanOrEqual(0.02);
      }
    },
  );

  it('and with one of 4 % up to 20 000, where there are very many upstreams', () => {
    for (const count of [1, 100, 1000, 5000, 20_000]) {
      const { minutes60 } = countUsers([seen(count, CELLS_OF_MANY)]);
      expect(Math.abs(minutes60 - count) / count, String(count)).toBeLessThanOrEqual(0.04);
    }
  });

  it('more than can be told apart is a large number, and not infinite', () => {
    expect(countUsers([seen(1_000_000)]).minutes1).toBeGreaterThan(600_000);
    expect(Number.isFinite(countUsers([seen(1_000_000)]).minutes1)).toBe(true);
  });

  it('one whom two processes saw counts once, also when they have cells of another size', () => {
    const first = seen(6000);
    const second = new UserCells(new SlotCount(0), CELLS);
    for (let user = 3000; user < 9000; user++) second.saw(hashOfKey(`user-${user}`));
    const { minutes1 } = countUsers([first, second.read()!]);
    expect(Math.abs(minutes1 - 9000) / 9000).toBeLessThan(0.02);
    const small = new UserCells(new SlotCount(0), CELLS_OF_MANY);
    for (let user = 0; user < 6000; user++) small.saw(hashOfKey(`user-${user}`));
    expect(Math.abs(countUsers([first, small.read()!]).minutes1 - 6000) / 6000).toBeLessThan(0.04);
  });

  it('few cells are listed, and many are not: both say the same', () => {
    const few = seen(500);
    const many = seen(60_000);
    expect([few.cells?.length, few.recency.length]).toEqual([few.recency.length, few.cells!.length]);
    expect(few.recency.length).toBeLessThan(501);
    expect([many.cells, many.recency.length]).toEqual([undefined, CELLS]);
    const { minutes1, minutes15, minutes60 } = countUsers([few]);
    expect([minutes15, minutes60]).toEqual([minutes1, minutes1]);
  });

  it('a user leaves the windows one after the other, to a slot exactly', () => {
    const { cells, pass } = upstream();
    cells.saw(hashOfKey('ann'));
    const windows = (): readonly number[] => {
      const read = cells.read();
      return read === undefined ? [0, 0, 0] : Object.values(countUsers([read]));
    };
    pass(MINUTE);
    expect(windows()).toEqual([1, 1, 1]);
    pass(SLOT_MS);
    expect(windows()).toEqual([0, 1, 1]);
    pass(14 * MINUTE - SLOT_MS);
    expect(windows()).toEqual([0, 1, 1]);
    pass(SLOT_MS);
    expect(windows()).toEqual([0, 0, 1]);
    pass(45 * MINUTE - SLOT_MS);
    expect(windows()).toEqual([0, 0, 1]);
    pass(SLOT_MS);
    expect(windows()).toEqual([0, 0, 0]);
  });

  it('a user who is gone does not come back when the numbers of slots do', () => {
    const { cells, pass } = upstream();
    for (let user = 0; user < 1000; user++) cells.saw(hashOfKey(`user-${user}`));
    for (let quarter = 0; quarter < 5; quarter++) pass(15 * MINUTE);
    for (let hour = 0; hour < 8; hour++) {
      pass(17 * MINUTE);
      expect(cells.read(), `after ${hour}`).toBeUndefined();
    }
  });

  it('nor after a process has stood still, for an hour and for a day', () => {
    for (const still of [61 * MINUTE, 255 * SLOT_MS, 256 * SLOT_MS, 24 * 60 * MINUTE]) {
      const { cells, pass } = upstream();
      cells.saw(hashOfKey('ann'));
      pass(still, still);
      expect(cells.read(), String(still)).toBeUndefined();
    }
  });
});
