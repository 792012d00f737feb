// Imported, for the global one is looked up by a getter each time: a sixth of what a call costs.
import { performance } from 'node:perf_hooks';

/** A running timer; `stop` is safe to call twice. */
export interface Timer {
  stop(): void;
}

/**
 * Time as an argument. Everything outside `base` takes a clock, so that tests run on virtual time
 * (`createManualClock` in `stickyroute/testing`).
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For durations. */
  monotonic(): number;
  /** Runs `task` every `ms` milliseconds; does not keep the process alive. */
  every(ms: number, task: () => void): Timer;
  /** Runs `task` once, `ms` milliseconds from now; does not keep the process alive. */
  after(ms: number, task: () => void): Timer;
}

/**
 * Keeps the process running until stopped, as a clock's timers don't: for one that only waits for signals and
 * for other processes.
 */
export function stayAlive(): Timer {
  const handle = setInterval(() => {}, 2 ** 31 - 1);
  return { stop: () => clearInterval(handle) };
}

/**
 * Runs `task` when this turn of the event loop has read everything that came with it. No time passes by a
 * clock, so this is not part of one: it takes the place of `setImmediate`, so that all that waits stands in
 * this file.
 */
export function atTurnEnd(task: () => void): void {
  setImmediate(task);
}

/** Of the clock that all processes of the machine share (CLOCK_MONOTONIC), for messages to others. */
export function machineMicroseconds(): bigint {
  return process.hrtime.bigint() / 1000n;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  every(ms, task) {
    const handle = setInterval(task, ms);
    handle.unref();
    return { stop: () => clearInterval(handle) };
  },
  after(ms, task) {
    const handle = setTimeout(task, ms);
    handle.unref();
    return { stop: () => clearTimeout(handle) };
  },
};
