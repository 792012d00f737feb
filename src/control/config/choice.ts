import { z } from 'zod';
import type { Choice } from './config.js';
import { kindOf } from './messages.js';
import { nested } from './nested.js';
import { didYouMean } from './suggestion.js';

/** What a registry entry must show so that it can be chosen in a configuration. */
export interface Choosable {
  readonly name: string;
  readonly options: z.ZodType;
}

/**
 * `ring`, or `ring: { points: 200 }`: one entry of a registry and its options. `what` is its word: rule,
 * placement, balance.
 */
export function choice(what: string, registry: readonly Choosable[]): z.ZodType<Choice> {
  const names = registry.map((definition) => definition.name);
  return z.unknown().transform((value, context) => {
    const fail = (message: string, path: PropertyKey[] = []): never => {
      context.addIssue({ code: 'custom', path, message });
      return z.NEVER;
    };
    if (typeof value === 'string') return chosen(value, {}, []);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return fail(`must be a ${what}, not ${kindOf(value)}. Write its name: ${names.join(', ')}.`);
    }
    const keys = Object.keys(value);
    if (keys.length === 0) return fail(`names no ${what}. Write one of ${names.join(', ')}.`);
    if (keys.length > 1)
      return fail(
        `has ${keys.length} names: ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ' …' : ''}. Write one ${what} an entry, its options one level deeper.`,
      );
    // `ip:` with nothing after it is YAML's null, and means the defaults.
    return chosen(keys[0]!, (value as Record<string, unknown>)[keys[0]!] ?? {}, [keys[0]!]);

    function chosen(name: string, options: unknown, path: PropertyKey[]): Choice {
      const definition = registry.find((known) => known.name === name);
      if (definition === undefined) return fail(unknown(name, path), path);
      const read = nested(definition.options, options, context, path, (checked) => ({
        name,
        options: checked,
      }));
      return read ?? z.NEVER;
    }

    function unknown(name: string, path: PropertyKey[]): string {
      const [head, ...rest] = name.split(':');
      // `- header:x-user-id` is text to YAML, since no space follows the colon.
      if (path.length === 0 && rest.length > 0 && names.includes(head!))
        return `needs a space after the colon. Write ${head}: ${rest.join(':')}.`;
      return `is not a ${what}. ${didYouMean(name, names, `The ${what}s are`)}`;
    }
  });
}
