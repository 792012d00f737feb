import type { z } from 'zod';
import { sentence, toIssues } from './messages.js';

/**
 * Reads a part of a value with a schema of its own, chosen by what the part looks like: zod's unions would
 * report every form that was not meant. Issues land in `context`, under `path`; the result is then undefined.
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
    context.addIssue({
      code: 'custom',
      path: [...path, ...issue.path],
      message: complete(issue.message, at(value, issue.path)),
    });
  }
  return undefined;
}

/** The schemas of rules say what to write; what is wrong is the same for all of them. */
function complete(message: string, written: unknown): string {
  if (!/^[A-Z]/.test(message)) return message;
  return `${written === undefined ? 'is missing' : "can't be used"}. ${message}`;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (around, key) =>
      typeof around === 'object' && around !== null
        ? (around as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}
