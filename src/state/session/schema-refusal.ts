import { StickyError } from '../../base/errors.js';
import type { StandardSchema } from './standard-schema.js';

const PLACES_SHOWN_MAX = 5;

/** Why the fields, each as JSON, don't fit their schema; undefined: they do. */
export async function schemaRefusal(
  schema: StandardSchema<object>,
  fields: ReadonlyMap<string, string>,
): Promise<StickyError | undefined> {
  const value = Object.fromEntries([...fields].map(([name, text]) => [name, JSON.parse(text) as unknown]));
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return undefined;
  const places = result.issues
    .slice(0, PLACES_SHOWN_MAX)
    .map(
      ({ path = [], message }) =>
        `${path.map((part) => String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part)).join('.') || 'session'}: ${message}`,
    );
  return new StickyError(
    'STICKY_SESSION_INVALID',
    `The session's fields don't fit its schema, and were not stored. ${places.join('; ')}`,
  );
}
