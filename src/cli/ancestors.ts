import { wholeNumber } from '../base/digits.js';
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../base/clock.js';

/** A process and the parent that it had when it was first looked at. */
export interface Ancestor {
  readonly pid: number;
  readonly parent: number;
}

const LOOK_MS = 500;
const ANCESTORS_MAX = 16;
const WRITE_ONLY = 1;

/**
 * `npx stickyroute up` and scripts of npm start this process through a shell. A signal to npm ends npm or the
 * shell, and not what the shell runs. So those between npm and this process are watched, npm included. None
 * for a process that npm didn't start, or that was meant to outlive it (setsid, nohup).
 */
export function npmAncestors(env: Readonly<Record<string, string | undefined>>): Ancestor[] {
  if (env['npm_execpath'] === undefined && env['npm_config_user_agent'] === undefined) return [];
  const own = { pid: process.pid, parent: process.ppid };
  // Started with `&` and left alone: its shell is gone already.
  if (own.parent <= 1 || isDaemon()) return [];
  const ancestors = [own];
  // Those that npm started have its variables; the first without them is npm itself.
  for (let pid = own.parent; ancestors.length < ANCESTORS_MAX && wasStartedByNpm(pid);) {
    const parent = parentOf(pid);
    if (parent === undefined || parent <= 1) break;
    ancestors.push({ pid, parent });
    pid = parent;
  }
  return ancestors;
}

/** Calls `then` once, when one of them has lost its parent. */
export function watchAncestors(ancestors: readonly Ancestor[], clock: Clock, then: () => void): Timer {
  if (ancestors.length === 0) return { stop: () => {} };
  const look = clock.every(LOOK_MS, () => {
    if (ancestors.every(({ pid, parent }) => parentOf(pid) === parent)) return;
    look.stop();
    then();
  });
  return look;
}

function parentOf(pid: number): number | undefined {
  if (pid === process.pid) return process.ppid;
  return statOf(pid)?.parent;
}

/** What Linux says of a process. Elsewhere only the own parent is known. */
function statOf(pid: number | 'self'): { readonly parent: number; readonly session: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in brackets, may hold anything.
    const [state, parent, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : { parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}

function wasStartedByNpm(pid: number): boolean {
  try {
    return /(?:^|\0)npm_(?:execpath|config_user_agent)=/.test(readFileSync(`/proc/${pid}/environ`, 'latin1'));
  } catch {
    return false;
  }
}

/** `setsid` makes a session of its own; `nohup` puts an unreadable file in the place of a terminal. */
function isDaemon(): boolean {
  if (statOf('self')?.session === process.pid) return true;
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'latin1'))?.[1] ?? '0';
    return (wholeNumber(flags, 8) & 3) === WRITE_ONLY;
  } catch {
    return false;
  }
}
