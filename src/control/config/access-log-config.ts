import { resolve } from 'node:path';
import { z } from 'zod';
import type { AccessLogConfig } from './config.js';
import { kindOf } from './messages.js';
import { nested } from './nested.js';
import { flag, reads, share, words, Wrong } from './values.js';

/** By the first digit of the status; what stands before 1xx is for a status that HTTP doesn't have. */
export const LOGGED_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
type LoggedClass = (typeof LOGGED_CLASSES)[number];

const statuses = reads((value): readonly LoggedClass[] | Wrong => {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const odd = list.find((each) => !LOGGED_CLASSES.includes(each as LoggedClass));
  if (list.length > 0 && odd === undefined) return list as LoggedClass[];
  return new Wrong('must be classes of status. Write statuses: [4xx, 5xx].');
});

const byClass = z.strictObject(
  Object.fromEntries(LOGGED_CLASSES.map((one) => [one, share.optional()])) as Record<
    LoggedClass,
    z.ZodOptional<typeof share>
  >,
);

/** One share for all lines, or one for each class; a class that is not named has all of its lines. */
const sample = z.unknown().transform((value, context): Readonly<Partial<Record<LoggedClass, number>>> => {
  if (isObject(value)) return nested(byClass, value, context, []) ?? z.NEVER;
  const all = nested(share, value, context, []);
  return all === undefined ? z.NEVER : Object.fromEntries(LOGGED_CLASSES.map((one) => [one, all]));
});

const detailed = z.strictObject({
  file: words('file: /var/log/stickyroute/access.log').optional(),
  statuses: statuses.optional(),
  sample: sample.prefault('100%'),
});

/** What is written of `accessLog`. */
export type WrittenAccessLog = boolean | z.infer<typeof detailed>;

/** `true`, `false`, or what is written of requests, and where. */
export const accessLogSetting: z.ZodType<WrittenAccessLog> = z.unknown().transform((value, context) => {
  if (isObject(value)) return nested(detailed, value, context, []) ?? z.NEVER;
  const read = flag.safeParse(value);
  if (read.success) return read.data;
  context.addIssue({
    code: 'custom',
    message: `must be true, false or a set of keys, not ${kindOf(value)}. Write accessLog: { file: access.log }.`,
  });
  return z.NEVER;
});

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** With the whole path, and a share for each class; the first is for statuses that HTTP doesn't have. */
export function accessLogConfig(written: WrittenAccessLog, folder: string): boolean | AccessLogConfig {
  if (typeof written === 'boolean') return written;
  const { file, statuses: classes, sample: shares } = written;
  return {
    file: file === undefined ? undefined : resolve(folder, file),
    shares: [
      classes === undefined ? 1 : 0,
      ...LOGGED_CLASSES.map((one) =>
        classes === undefined || classes.includes(one) ? (shares[one] ?? 1) : 0,
      ),
    ],
  };
}
