import type { z } from 'zod';
import type { Issue } from './problem.js';
import { unknownKeys } from './suggestion.js';

/** What zod expects, in words. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a set of keys and values',
  record: 'a set of keys and values',
};

/**
 * The sentence for an issue whose schema has none of its own. Given to every parse, so that rules, placements
 * and balances, which bring plain zod schemas, speak like the rest. It never shows text that was written:
 * that may be a secret.
 */
export function sentence(issue: z.core.$ZodRawIssue): string {
  // One line a key, in the order of `keys`; `toIssues` takes them apart.
  if (issue.code === 'unrecognized_keys') return unknownKeys(issue.keys, keysOf(issue)).join('\n');
  if (issue.input === undefined) return 'is missing. Add it.';
  if (issue.input === null) return 'has no value. Write one, or leave the line out.';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${EXPECTED[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}.${keysText(issue)}`;
    case 'too_small':
      return bound(
        issue.origin,
        issue.inclusive === false ? 'above' : 'at least',
        Number(issue.minimum),
        issue.input,
      );
    case 'too_big':
      return bound(
        issue.origin,
        issue.inclusive === false ? 'below' : 'at most',
        Number(issue.maximum),
        issue.input,
      );
    case 'not_multiple_of':
      return `must be a multiple of ${String(issue.divisor)}.`;
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map(String))}.`;
    case 'invalid_format':
      return `is not written as ${issue.format === 'regex' ? 'it must be' : `a ${issue.format}`}.`;
    default:
      return 'is not valid here.';
  }
}

/** Zod's issues as ours: one for each unknown key, and for a union those of the form that was meant. */
export function toIssues(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[] = []): Issue[] {
  return issues.flatMap((issue): Issue[] => {
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      const messages = issue.message.split('\n');
      return issue.keys.map((key, at) => ({
        path: [...path, key],
        message: messages[at] ?? 'is not a key here.',
      }));
    }
    if (issue.code === 'invalid_union' && issue.errors.length > 0) return toIssues(meant(issue.errors), path);
    return [{ path, message: issue.message }];
  });
}

/** Any value as a person would call it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value === '' ? 'empty text' : 'text';
  if (typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'a set of keys and values';
}

/** `a, b or c` */
export function oneOf(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`;
}

function keysText(issue: z.core.$ZodRawIssue): string {
  const keys = keysOf(issue);
  return keys.length === 0 ? '' : ` Its keys: ${keys.join(', ')}.`;
}

/** The keys of the object schema that raised the issue. */
function keysOf(issue: z.core.$ZodRawIssue): string[] {
  const schema = issue.inst as { readonly _zod?: { readonly def?: { readonly shape?: object } } } | undefined;
  return Object.keys(schema?._zod?.def?.shape ?? {});
}

function bound(origin: string, relation: string, limit: number, input: unknown): string {
  if (origin === 'string') return `must have ${relation} ${limit} character${limit === 1 ? '' : 's'}.`;
  if (origin === 'array' || origin === 'set')
    return `must have ${relation} ${limit} ${limit === 1 ? 'entry' : 'entries'}.`;
  return `must be ${relation} ${limit}, not ${kindOf(input)}.`;
}

/** Of a union's forms the one whose type fits, so that its own complaint is heard. */
function meant(forms: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  return (
    forms.find(
      (issues) => !issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0),
    ) ?? forms[0]!
  );
}
