import type { Clock, Timer } from '../base/clock.js';

/** A clock that stands still until told. */
export interface ManualClock extends Clock {
  /**
   * Moves time on and runs what falls due, in order of time, then of creation. Tasks may start timers that
   * fall due too.
   */
  advance(ms: number): void;
}

interface Alarm {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly task: () => void;
}

/** Time as a test wants it: it starts at `startMs` (since the Unix epoch) and moves only by `advance`. */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let passedMs = 0;
  const alarms = new Set<Alarm>();

  const start = (ms: number, everyMs: number | undefined, task: () => void): Timer => {
    const alarm: Alarm = { atMs: passedMs + Math.max(0, ms), everyMs, task };
    alarms.add(alarm);
    return { stop: () => void alarms.delete(alarm) };
  };

  /** A repeated alarm goes to the back of the set, so that alarms of one instant take turns. */
  const ring = (alarm: Alarm): void => {
    passedMs = alarm.atMs;
    alarms.delete(alarm);
    if (alarm.everyMs !== undefined) {
      alarm.atMs += alarm.everyMs;
      alarms.add(alarm);
    }
    alarm.task();
  };

  return {
    now: () => startMs + passedMs,
    monotonic: () => passedMs,
    // A timer of 0 ms would never let `advance` end; Node makes 1 ms of it too.
    every: (ms, task) => start(Math.max(1, ms), Math.max(1, ms), task),
    after: (ms, task) => start(Math.max(1, ms), undefined, task),
    advance(ms) {
      const untilMs = passedMs + ms;
      for (;;) {
        let next: Alarm | undefined;
        for (const alarm of alarms)
          if (alarm.atMs <= untilMs && (next === undefined || alarm.atMs < next.atMs)) next = alarm;
        if (next === undefined) break;
        ring(next);
      }
      passedMs = untilMs;
    },
  };
}
