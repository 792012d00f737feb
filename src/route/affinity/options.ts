import { z } from 'zod';
import { DAY_MS, DURATION_FORM, parseDuration } from '../../base/duration.js';
import { INSTANT_FORM, parseInstant } from '../../base/instant.js';
import type { FailurePolicy } from './rule.js';

/** RFC 9110 §5.6.2: what names of fields and cookies are made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Browsers keep no cookie longer (RFC 6265bis §5.6.2), so a longer limit could not be kept. */
const COOKIE_LIFE_MAX_MS = 400 * DAY_MS;

export function onFailure(policy: FailurePolicy) {
  return z.enum(['rehome', 'borrow', 'reject'], { error: 'Write rehome, borrow or reject.' }).default(policy);
}

/**
 * Long enough for one upstream of a rolling deployment to stop (Kubernetes gives it 30 s), start and be found
 * well, also where a start takes minutes: docs/decisions/a-failure-is-short-until-proven-long.md.
 */
const REHOME_AFTER_MS = 5 * 60_000;

/** For how long an upstream is down before `rehome` moves its users for good, in milliseconds. */
export function rehomeAfter() {
  const form = `Write ${DURATION_FORM}; 0s moves them at once.`;
  return z
    .string({ error: form })
    .transform((text, context): number => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms <= DAY_MS) return ms;
      const message = ms === undefined ? form : 'Write at most 1d.';
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    })
    .default(REHOME_AFTER_MS);
}

/** A limit of a cookie, in milliseconds. Whole seconds, as Max-Age counts them. */
export function cookieLimit() {
  const form = `Write ${DURATION_FORM}.`;
  return z.string({ error: form }).transform((text, context): number => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= 1000 && ms % 1000 === 0 && ms <= COOKIE_LIFE_MAX_MS) return ms;
    const message =
      ms === undefined
        ? form
        : 'Write whole seconds, from 1s to 400d: cookies count in seconds, and no browser keeps one longer.';
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });
}

/** An instant, in milliseconds since 1970. */
export function instant() {
  const form = `Write ${INSTANT_FORM}.`;
  return z.string({ error: form }).transform((text, context): number => {
    const ms = parseInstant(text);
    if (ms !== undefined) return ms;
    context.issues.push({ code: 'custom', message: form, input: text });
    return z.NEVER;
  });
}

/** The name of a header field or cookie. */
export function tokenName(what: string) {
  return z
    .string({ error: `Write the name of the ${what}.` })
    .regex(TOKEN, `Write the name of a ${what}: letters, digits and any of !#$%&'*+-.^_\`|~`)
    .max(256, 'Write a name of at most 256 characters.');
}

/** Lets a rule be written as `- header: x-user-id` too: a text stands for the one option `name`. */
export function shorthand<Shape extends z.ZodType>(name: string, shape: Shape) {
  return z.preprocess((value) => (typeof value === 'string' ? { [name]: value } : value), shape);
}

/** Lets a rule without options be written as `- ip:`, which YAML reads as null. */
export function emptyAsObject<Shape extends z.ZodType>(shape: Shape) {
  return z.preprocess((value) => value ?? {}, shape);
}
