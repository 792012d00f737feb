import { hash01, passed, type Sweep, type SweepKey, sweepSeed, turnOf } from '../sweep.js';

/** How an upstream is emptied: a sweep with an end. */
export interface Drain extends Sweep {
  /**
   * Above 0: users who were quiet for that long, in milliseconds, or who come to a new page, leave first; the
   * rest leaves in the last quarter.
   */
  readonly quietMs: number;
}

/**
 * What an operator wants of an upstream, beside its condition, which is what health says. `in`: all users.
 * `leaving`: no new users; bindings are still followed, without an end. `{ leaving }`: no new users, and
 * those who are there leave by a sweep; when it is over, the upstream is drained and takes nothing. `out`: no
 * requests at all, bindings included.
 */
export type Standing = 'in' | 'leaving' | 'out' | { readonly leaving: Drain };

/** A standing in a word, for people. `drained`: leaving, and the end has come. */
export const STANDING_WORDS = ['in', 'leaving', 'drained', 'out'] as const;
export type StandingWord = (typeof STANDING_WORDS)[number];

/** The part of a drain with `quietMs` in which everybody leaves. */
const LAST_PART = 0.25;
/** A binding is written again so long before its turn at the latest: an old answer must undo no move. */
const TURN_NEARS_MS = 60_000;

/** What an upstream's source says of its standing. */
interface Planned {
  readonly draining: boolean;
  readonly standing?: Standing | undefined;
}

/** The standing that an upstream begins with, until an operator says otherwise. */
export function firstStanding({ draining, standing }: Planned): Standing {
  return standing ?? (draining ? 'leaving' : 'in');
}

export function standingWord(standing: Standing, nowMs: number): StandingWord {
  if (typeof standing === 'string') return standing;
  return nowMs >= standing.leaving.untilMs ? 'drained' : 'leaving';
}

export function isSameStanding(a: Standing, b: Standing): boolean {
  if (a === b) return true;
  if (typeof a === 'string' || typeof b === 'string') return false;
  const { leaving: one } = a;
  const { leaving: other } = b;
  return (
    one.seed === other.seed &&
    one.fromMs === other.fromMs &&
    one.untilMs === other.untilMs &&
    one.quietMs === other.quietMs
  );
}

/** A drain of an upstream. Gateways that have the same instants draw the same turns. */
export function drainOf(id: string, times: Omit<Drain, 'seed'>): Drain {
  return { seed: sweepSeed('drain', id, String(times.fromMs), String(times.untilMs)), ...times };
}

/** When may the user leave an upstream that is emptied? */
export function turnToLeave(drain: Drain, key: SweepKey, nowMs: number): 'later' | 'if quiet' | 'now' {
  if (drain.quietMs === 0) return passed(drain, key, nowMs) ? 'now' : 'later';
  const last = lastPart(drain);
  if (passed(last, key, nowMs)) return 'now';
  return passed({ ...drain, untilMs: last.fromMs }, key, nowMs) ? 'if quiet' : 'later';
}

/** When the user leaves at the latest, at its next request from then on. */
export function turnIn(drain: Drain, key: SweepKey): number {
  return turnOf(drain.quietMs === 0 ? drain : lastPart(drain), key);
}

/** The user may have left already, as another request or gateway saw it, or is about to. */
export function mayHaveLeft(drain: Drain, key: SweepKey, nowMs: number): boolean {
  const last = lastPart(drain);
  const first = drain.quietMs === 0 ? drain : { ...drain, untilMs: last.fromMs };
  return nowMs >= turnOf(first, key) - TURN_NEARS_MS;
}

/** With another seed: who came late in the first part must not come early in the last for that. */
function lastPart({ seed, fromMs, untilMs }: Drain): Sweep {
  return {
    seed: Math.floor(hash01(seed, seed) * 2 ** 32),
    fromMs: untilMs - Math.round((untilMs - fromMs) * LAST_PART),
    untilMs,
  };
}
