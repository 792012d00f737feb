import { DAY_MS, DURATION_FORM, parseDuration } from '../base/duration.js';
import { checkNames } from '../base/options.js';
import { INSTANT_FORM, parseInstant } from '../base/instant.js';
import type { PoolSnapshot } from '../route/pool/snapshot.js';
import { drainOf, type Standing } from '../route/pool/standing.js';
import { DRAIN_MS_MAX } from './config/standing.js';
import { timeText } from './drain-status.js';

/**
 * How an upstream is emptied. Neither `within` nor `until`: nobody new, and bindings are followed without
 * end.
 */
export interface DrainOptions {
  /** How long it may take: `30m`, or milliseconds. */
  readonly within?: string | number | undefined;
  /** When it must be over: `2027-03-01T18:00:00Z`, or milliseconds since 1970. */
  readonly until?: string | number | undefined;
  /**
   * When it begins, written as `until`. Default: now. Several gateways that hear the same instants move the
   * same users at the same time.
   */
  readonly from?: string | number | undefined;
  /** Those leave first who were quiet for so long, or who come to a new page. A duration, as `within`. */
  readonly quiet?: string | number | undefined;
}

export const DRAIN_NAMES = { within: 1, until: 1, from: 1, quiet: 1 } satisfies Record<keyof DrainOptions, 1>;

/**
 * The standing that these options ask for, or what is wrong with them, as it follows "drain" in a message.
 * The instants are made here, once.
 */
export function plannedDrain(
  id: string,
  options: DrainOptions,
  nowMs: number,
): Standing | { readonly problem: string } {
  checkNames(options, DRAIN_NAMES, 'drain', 'STICKY_OPERATION_REFUSED');
  const { within, until, from, quiet } = options;
  if (within === undefined && until === undefined)
    return quiet === undefined && from === undefined
      ? 'leaving'
      : { problem: 'takes from and quiet together with within or until.' };
  if (within !== undefined && until !== undefined) return { problem: 'takes within or until, not both.' };
  const quietMs = quiet === undefined ? 0 : milliseconds(quiet);
  if (quietMs === undefined) return { problem: `needs a duration for quiet: ${DURATION_FORM}.` };
  const lengthMs = within === undefined ? 0 : milliseconds(within);
  if (lengthMs === undefined)
    return { problem: `needs a duration of at most 400d for within: ${DURATION_FORM}.` };
  const fromMs = from === undefined ? nowMs : instant(from);
  if (fromMs === undefined) return { problem: `needs an instant for from: ${INSTANT_FORM}.` };
  if (Math.abs(fromMs - nowMs) > FROM_MS_MAX)
    return { problem: `can't begin at ${timeText(fromMs)}: write an instant within a day of now.` };
  const untilMs = until === undefined ? fromMs + lengthMs : instant(until);
  if (untilMs === undefined) return { problem: `needs an instant for until: ${INSTANT_FORM}.` };
  if (untilMs < nowMs) return { problem: `can't be over at ${timeText(untilMs)}, which has passed.` };
  if (untilMs < fromMs) return { problem: 'must not be over before it begins.' };
  if (untilMs - nowMs > DRAIN_MS_MAX) return { problem: 'may take at most 400 days.' };
  return { leaving: drainOf(id, { fromMs, untilMs, quietMs }) };
}

/** Is there anybody in the pool to take the users of this upstream? */
export function hasOthers({ upstreams, standings }: PoolSnapshot, id: string): boolean {
  return upstreams.some((upstream, index) => upstream.id !== id && standings[index] === 'in');
}

function milliseconds(value: string | number): number | undefined {
  const ms = typeof value === 'number' ? value : parseDuration(value);
  return ms !== undefined && Number.isFinite(ms) && ms >= 0 && ms <= DRAIN_MS_MAX ? ms : undefined;
}

function instant(value: string | number): number | undefined {
  if (typeof value === 'string') return parseInstant(value);
  return Number.isSafeInteger(value) && value >= 0 && value <= INSTANT_MS_MAX ? value : undefined;
}

/** A clock that is set otherwise, or a mistake. */
const FROM_MS_MAX = DAY_MS;

/** The last instant that a Date can hold. */
const INSTANT_MS_MAX = 8.64e15;
