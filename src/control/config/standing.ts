import { z } from 'zod';
import { HOUR_MS } from '../../base/duration.js';
import { INSTANT_FORM, parseInstant } from '../../base/instant.js';
import { drainOf, type Drain, type Standing } from '../../route/pool/standing.js';
import { nested } from './nested.js';
import { duration, reads, Wrong } from './values.js';

/** A drain may be planned as long as browsers keep a cookie. */
export const DRAIN_MS_MAX = 400 * 24 * HOUR_MS;
/** Over how long users leave when the file names the end alone. */
const DRAIN_MS = 30 * 60_000;

/** As it stands in the file: the turns are drawn once the upstream's id is known. */
export type WrittenStanding = Exclude<Standing, object> | { readonly leaving: Omit<Drain, 'seed'> };

const instant = reads((value): number | Wrong => {
  const ms = typeof value === 'string' ? parseInstant(value) : undefined;
  return ms ?? new Wrong(`is not an instant. Write ${INSTANT_FORM}.`);
});

const leaving = z
  .strictObject({
    from: instant.optional(),
    until: instant,
    quiet: duration({ min: 0, max: DRAIN_MS_MAX }).default(0),
  })
  .transform(({ from, until, quiet }, context): Omit<Drain, 'seed'> => {
    // Absolute, also where it is not written: counted from a reload, it would begin anew with each of them.
    const fromMs = from ?? until - DRAIN_MS;
    if (fromMs > until || until - fromMs > DRAIN_MS_MAX)
      context.addIssue({
        code: 'custom',
        path: ['from'],
        message: 'must be before until, by at most 400 days. Write when the first users leave.',
      });
    return { fromMs, untilMs: until, quietMs: quiet };
  });

const FORM = 'Write in, leaving, out, or { leaving: { until: 2027-03-01T18:00:00Z } }.';
const planned = z.strictObject({ leaving }, { error: FORM });
const word = z.enum(['in', 'leaving', 'out'], { error: FORM });

/** `in`, `leaving`, `out`, or `{ leaving: { from, until, quiet } }`. */
export const standing: z.ZodType<WrittenStanding> = z.unknown().transform((value, context) => {
  const isPlan = typeof value === 'object' && value !== null;
  return nested<WrittenStanding>(isPlan ? planned : word, value, context) ?? z.NEVER;
});

/** The standing of this upstream. */
export function standingOf(id: string, written: WrittenStanding): Standing {
  return typeof written === 'string' ? written : { leaving: drainOf(id, written.leaving) };
}
