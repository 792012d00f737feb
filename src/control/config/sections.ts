import type { z } from 'zod';
import { kindOf, sentence, toIssues } from './messages.js';
import type { Issue } from './problem.js';
import { unknownKeys } from './suggestion.js';

export type Shape = Readonly<Record<string, z.ZodType>>;

/** What could be read; a key whose value has a problem is absent. */
export type Sections<S extends Shape> = { readonly [K in keyof S]?: z.output<S[K]> | undefined };

/**
 * Reads an object as zod's strict object would, but keeps what is good beside what is bad, so that the checks
 * across sections (a route's pool, two routes alike) still find their problems and everything is told at
 * once.
 */
export function readSections<S extends Shape>(
  shape: S,
  value: unknown,
  path: readonly PropertyKey[],
  issues: Issue[],
): Sections<S> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    issues.push({
      path,
      message: `must be a set of keys and values, not ${kindOf(value)}. Write ${Object.keys(shape)[0]}: … on a line of its own.`,
    });
    return {};
  }
  const known = Object.keys(shape);
  const strange = Object.keys(value).filter((key) => !known.includes(key));
  const messages = unknownKeys(strange, known);
  strange.forEach((key, at) => issues.push({ path: [...path, key], message: messages[at]! }));
  const sections: Record<string, unknown> = {};
  for (const key of known) {
    const result = shape[key]!.safeParse(
      Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined,
      { error: sentence },
    );
    if (result.success) sections[key] = result.data;
    else for (const issue of toIssues(result.error.issues, [...path, key])) issues.push(issue);
  }
  return sections as Sections<S>;
}
