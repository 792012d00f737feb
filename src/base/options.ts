import { DURATION_FORM, parseDuration } from './duration.js';
import { nearestName } from './nearest-name.js';
import { StickyError, type StickyErrorCode } from './errors.js';

/** A length of time in an option: milliseconds, or text such as `'30s'`. */
export type Duration = number | string;

/** A fault of the app's, in the options that it gives. */
export function badOption(message: string): StickyError {
  return new StickyError('STICKY_CONFIG_INVALID', message);
}

/** Milliseconds. `name` is the option's, for the message. */
export function readDuration(
  name: string,
  value: Duration,
  leastMs: number,
  mostMs: number,
  code: StickyErrorCode = 'STICKY_CONFIG_INVALID',
): number {
  const ms = typeof value === 'string' ? (value === '0' ? 0 : parseDuration(value)) : value;
  if (typeof ms !== 'number' || !Number.isFinite(ms))
    throw new StickyError(
      code,
      `\`${name}\` is not a duration. Write milliseconds as a number, or ${DURATION_FORM}.`,
    );
  if (ms < leastMs || ms > mostMs)
    throw new StickyError(code, `\`${name}\` is ${ms} ms. Write one from ${leastMs} to ${mostMs} ms.`);
  return ms;
}

/**
 * A misspelt limit that is silently ignored is no limit. `names` has a property for each name; `what` they
 * are of, for the message.
 */
export function checkNames(
  written: unknown,
  names: object,
  what: string,
  code: StickyErrorCode = 'STICKY_CONFIG_INVALID',
): void {
  const known = Object.keys(names);
  if (typeof written !== 'object' || written === null)
    throw new StickyError(code, `${what} must be an object. It may have: ${known.join(', ')}.`);
  const odd = Object.keys(written).find((name) => !known.includes(name));
  if (odd === undefined) return;
  const meant = nearestName(odd, known);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  throw new StickyError(code, `${what} can't have ${odd}. It may have: ${known.join(', ')}.${hint}`);
}

/** A function of the app's, or undefined. `name` is the option's, for the message. */
export function readFunction<Callback extends (...args: never[]) => unknown>(
  name: string,
  value: Callback | undefined,
  code: StickyErrorCode = 'STICKY_CONFIG_INVALID',
): Callback | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw new StickyError(code, `\`${name}\` must be a function. Leave it out where there is none.`);
}

/** Of a secret that seals or signs: 192 random bits have as many, as base64. */
export const KEY_CHARACTERS_MIN = 32;

/** Secrets, the first of which signs. None unless set. */
export function readKeys(keys: readonly string[] = []): readonly string[] {
  const make = 'Make one with: openssl rand -base64 32';
  if (!Array.isArray(keys)) throw badOption(`\`keys\` must be a list of secrets. ${make}`);
  for (const key of keys as readonly unknown[]) {
    if (typeof key !== 'string')
      throw badOption(`A key is not text. Is the environment variable set that it comes from? ${make}`);
    if (key.length < KEY_CHARACTERS_MIN)
      throw badOption(
        `A key has ${key.length} characters, and at least ${KEY_CHARACTERS_MIN} are needed. ${make}`,
      );
  }
  return keys;
}
