import { parseDuration } from '../base/duration.js';
import { HEALTH_BOUNDS, PROBE_EVERY_DEFAULT_MS } from '../control/config/health-bounds.js';
import { LIMITS_BY_KEY } from '../control/config/limits.js';
import { durationText, type NumberBounds } from '../control/config/values.js';
import type { Report } from './report.js';

/**
 * A limit within what we take: other balancers allow a day where we allow an hour. The nearest is written,
 * and said.
 */
export function limitWithin(key: string, value: unknown, at: string, report: Report): unknown {
  const bounds = LIMITS_BY_KEY.get(key);
  if (bounds === undefined) return value;
  if (typeof value === 'string') return timeWithin(key, value, bounds, at, report);
  if (typeof value !== 'number' || (value >= bounds.min && value <= bounds.max)) return value;
  const nearest = value > bounds.max ? bounds.max : bounds.min;
  report.say(
    at,
    `${key} is written as ${nearest}, and not ${value}: it goes from ${bounds.min} to ${bounds.max}.`,
  );
  return nearest;
}

/** How long upstreams are left out after failures. */
export function failTimeoutWithin(text: string, at: string, report: Report): string {
  return timeWithin('failTimeout', text, HEALTH_BOUNDS.failTimeout, at, report);
}

export interface Probing {
  readonly path: string;
  readonly every?: string | undefined;
  readonly timeout?: string | undefined;
  readonly healthyAfter?: number | undefined;
  readonly unhealthyAfter?: number | undefined;
}

/** Ours without a word about it. */
const EVERY_DEFAULT = durationText(PROBE_EVERY_DEFAULT_MS);

/** `health:` within what we take. A probe must end before the next begins. */
export function probing(
  { path, every, timeout, healthyAfter, unhealthyAfter }: Probing,
  at: string,
  report: Report,
): object {
  const often = every === undefined ? undefined : timeWithin('every', every, HEALTH_BOUNDS.every, at, report);
  const long =
    timeout === undefined ? undefined : timeWithin('timeout', timeout, HEALTH_BOUNDS.timeout, at, report);
  const isLong = long !== undefined && parseDuration(long)! > parseDuration(often ?? EVERY_DEFAULT)!;
  if (isLong)
    report.say(
      at,
      `health.timeout is written as ${often ?? EVERY_DEFAULT}, and not ${long}: a probe must end before the next begins.`,
    );
  const count = (value: number | undefined, { min, max }: NumberBounds): number | undefined =>
    value === undefined || !(value >= min) ? undefined : Math.min(max, Math.floor(value));
  const counts = {
    healthyAfter: count(healthyAfter, HEALTH_BOUNDS.healthyAfter),
    unhealthyAfter: count(unhealthyAfter, HEALTH_BOUNDS.unhealthyAfter),
  };
  return {
    path,
    ...(often !== undefined && { every: often }),
    ...(long !== undefined && { timeout: isLong ? (often ?? EVERY_DEFAULT) : long }),
    ...(counts.healthyAfter !== undefined && { healthyAfter: counts.healthyAfter }),
    ...(counts.unhealthyAfter !== undefined && { unhealthyAfter: counts.unhealthyAfter }),
  };
}

function timeWithin(
  key: string,
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
  at: string,
  report: Report,
): string {
  const ms = parseDuration(text);
  if (ms === undefined || (ms >= min && ms <= max)) return text;
  const nearest = durationText(ms > max ? max : min);
  report.say(
    at,
    `${key} is written as ${nearest}, and not ${text}: it goes from ${durationText(min)} to ${durationText(max)}.`,
  );
  return nearest;
}
