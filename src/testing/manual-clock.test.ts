import { expect, it } from 'vitest';
import { createManualClock } from './manual-clock.js';

it('time stands still until it is moved on', () => {
  const clock = createManualClock(1000);
  expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
  clock.advance(250);
  expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
});

it('timers fire in order of time, then of creation, and see their own time', () => {
  const clock = createManualClock(0);
  const seen: string[] = [];
  const note = (name: string) => () => seen.push(`${name}@${clock.now()}`);
  clock.after(30, note('c'));
  clock.after(10, note('a'));
  clock.after(30, note('d'));
  clock.every(20, note('tick'));
  clock.advance(40);
  expect(seen).toEqual(['a@10', 'tick@20', 'c@30', 'd@30', 'tick@40']);
});

it('a task may start and stop timers that are due in the same stretch', () => {
  const clock = createManualClock(0);
  const seen: number[] = [];
  const stopped = clock.after(20, () => seen.push(-1));
  clock.after(10, () => {
    stopped.stop();
    clock.after(5, () => seen.push(clock.now()));
  });
  const every = clock.every(7, () => {
    seen.push(clock.now());
    if (clock.now() >= 14) every.stop();
  });
  clock.advance(100);
  expect(seen).toEqual([7, 14, 15]);
  expect(clock.now()).toBe(100);
});
