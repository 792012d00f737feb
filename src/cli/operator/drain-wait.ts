import { stayAlive, systemClock } from '../../base/clock.js';
import { StickyError } from '../../base/errors.js';
import type { PoolStateView, UpstreamView } from '../../control/admin/admin-views.js';
import type { TextSink } from '../surroundings.js';
import { callAdmin } from './admin-call.js';
import type { AdminTarget } from './admin-target.js';
import { progressLine, usersLeft, type DrainView } from './drain-progress.js';
import { findByName, pathOf } from './upstream-name.js';

const LOOK_MS = 1000;
/** A gateway that is started anew is back by then. */
const LOST_MS_MAX = 30_000;
/** A WebSocket has 10 seconds to close, and what lasts is ended over 5 seconds at least. */
const CLOSING_MS_MAX = 20_000;
/** Users whose turn came last need a moment to come: a share of the drain, within bounds. */
const LATE_SHARE = 0.1;
const LATE_MS_MIN = 2000;
/** So many lines a drain, and at most one a second. */
const LINES = 20;
const LINE_MS_MAX = 30_000;

export interface DrainWait {
  readonly targets: readonly AdminTarget[];
  /** As it was typed. */
  readonly name: string;
  readonly stderr: TextSink;
  readonly timeoutMs: number | undefined;
}

/** Comes back when the drain is over at every gateway. True: nobody was moved by force. */
export async function waitForDrain({ targets, name, stderr, timeoutMs }: DrainWait): Promise<boolean> {
  if (targets.length === 0) return false;
  const views = new Map<AdminTarget, DrainView>();
  const endMs = timeoutMs === undefined ? Infinity : systemClock.monotonic() + timeoutMs;
  const say = (line: string): void => void stderr.write(`stickyroute: ${line}\n`);
  let saidMs = -Infinity;
  const tell = (): void => {
    if (views.size === 0) return;
    const all = [...views.values()];
    const lengthMs = Math.max(...all.map(({ from, until }) => Date.parse(until) - Date.parse(from)));
    const everyMs = Math.min(LINE_MS_MAX, Math.max(LOOK_MS, lengthMs / LINES));
    const nowMs = systemClock.monotonic();
    if (nowMs - saidMs < everyMs) return;
    saidMs = nowMs;
    say(progressLine(name, all));
  };
  const hold = stayAlive();
  try {
    const problems = await Promise.all(
      targets.map((target) =>
        followed(target, name, endMs, (view) => {
          views.set(target, view);
          if (views.size === targets.length || saidMs !== -Infinity) tell();
        }),
      ),
    );
    problems.forEach((problem, at) => {
      if (problem !== undefined) say(`${targets[at]!.name}: ${problem}`);
    });
    if (problems.some((problem) => problem !== undefined)) return false;
  } finally {
    hold.stop();
  }
  const all = [...views.values()];
  const left = all.reduce((sum, view) => sum + usersLeft(view), 0);
  const moved = all.reduce((sum, view) => sum + view.moved, 0);
  say(
    left === 0
      ? `${name} is empty: ${moved} users were moved, and nobody is left.`
      : `${name} takes nothing any more: ${moved} users were moved, and some ${left} who did not come in time move at their next request.`,
  );
  return left === 0;
}

/** What kept this gateway from emptying the upstream; undefined: the drain is over, and nothing goes on. */
async function followed(
  target: AdminTarget,
  name: string,
  endMs: number,
  see: (view: DrainView) => void,
): Promise<string | undefined> {
  let lostMs: number | undefined;
  let drainedMs: number | undefined;
  for (;;) {
    const nowMs = systemClock.monotonic();
    try {
      const { standing, drain } = await upstreamOf(target, name);
      lostMs = undefined;
      if (drain === undefined)
        return `the drain was given up: ${name} is ${standing}. A gateway without stateFile forgets it when it is started anew.`;
      see(drain);
      if (standing === 'drained') {
        drainedMs ??= nowMs;
        const sinceMs = nowMs - drainedMs;
        const isQuiet = drain.requestsInProgress === 0;
        if (isQuiet && (usersLeft(drain) === 0 || sinceMs >= lateMs(drain))) return undefined;
        if (!isQuiet && sinceMs >= CLOSING_MS_MAX)
          return `the drain is over, and ${drain.requestsInProgress} requests are still in progress at ${name}.`;
      }
    } catch (error) {
      if (!(error instanceof StickyError)) throw error;
      lostMs ??= nowMs;
      if (nowMs - lostMs >= LOST_MS_MAX) return `no answer for ${LOST_MS_MAX / 1000} s: ${error.message}`;
    }
    if (nowMs >= endMs) return `the time of --timeout is over. The drain of ${name} goes on.`;
    await new Promise<void>((next) => systemClock.after(Math.min(LOOK_MS, endMs - nowMs), next));
  }
}

function lateMs({ from, until }: DrainView): number {
  const lengthMs = Date.parse(until) - Date.parse(from);
  return Math.min(CLOSING_MS_MAX, Math.max(LATE_MS_MIN, lengthMs * LATE_SHARE));
}

async function upstreamOf(target: AdminTarget, name: string): Promise<UpstreamView> {
  const { pools } = await callAdmin<{ pools: PoolStateView[] }>(target, '/pools');
  return callAdmin<UpstreamView>(target, pathOf(findByName(name, pools, target.name)));
}
