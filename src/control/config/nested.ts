import type { z } from 'zod';
import { sentence, toIssues } from './messages.js';

/**
 * Reads a part of a value with a schema of its own, chosen by what the part looks like: zod's unions would report every form
 * that was not meant. Issues land in `context`, under `path`; the result is then undefined.
 */
export function nested<T, R = T>(
  schema: z.ZodType<T>,
  value: unknown,
  context: z.core.$RefinementCtx,
  path: PropertyKey[] = [],
  then: (value: T) => R = (read) => read as unknown as R,
): R | undefined {
  const result = schema.safeParse(value, { error: sentence });
  if (result.success) return then(result.data);
  for (const issue of toIssues(result.error.issues)) {
    context.addIssue({ code: 'custom', path: [...path, ...issue.path], message: issue.message });
  }
  return undefined;
}
