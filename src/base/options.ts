import { DURATION_FORM, parseDuration } from './duration.js';
import { StickyError, type StickyErrorCode } from './errors.js';

/** A length of time in an option: milliseconds, or text such as `'30s'`. */
export type Duration = number | string;

/** A fault of the app's, in the options that it gives. */
export function badOption(message: string): StickyError {
  return new StickyError('STICKY_CONFIG_INVALID', message);
}

/** Milliseconds. `name` is the option's, for the message. */
export function readDuration(name: string, value: Duration, leastMs: number, mostMs: number, code: StickyErrorCode = 'STICKY_CONFIG_INVALID'): number {
  const ms = typeof value === 'string' ? (value === '0' ? 0 : parseDuration(value)) : value;
  if (typeof ms !== 'number' || !Number.isFinite(ms)) throw new StickyError(code, `\`${name}\` is not a duration. Write milliseconds as a number, or ${DURATION_FORM}.`);
  if (ms < leastMs || ms > mostMs) throw new StickyError(code, `\`${name}\` is ${ms} ms. Write one from ${leastMs} to ${mostMs} ms.`);
  return ms;
}
