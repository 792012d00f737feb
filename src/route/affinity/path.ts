import { wholeNumber } from '../../base/digits.js';
import { z } from 'zod';
import { framedKey } from '../../base/framed-key.js';
import type { RuleDefinition } from './definition.js';
import { onFailure, shorthand } from './options.js';
import { NOTHING, type FailurePolicy } from './rule.js';

export interface PathOptions {
  readonly pattern: string;
  readonly onFailure: FailurePolicy;
}

const FORM = 'Write a path with a named segment, such as /api/users/:id.';

const shape = z.strictObject({
  pattern: z
    .string({ error: FORM })
    .regex(/^(\/[!"$&-.0->@-~]+)+$/, `${FORM} Segments are not empty and have no ?, #, % or space.`)
    .regex(/\/:/, `${FORM} Without one, every user would have the same key.`)
    .refine(
      (pattern) => !/\/:(?!\w+(\/|$))/.test(pattern),
      'Write a name of letters, digits and _ behind each colon, and nothing else in that segment.',
    ),
  onFailure: onFailure('borrow'),
});

/**
 * The key is what stands at the named segments of the path. The pattern is a prefix: `/users/:id` covers
 * `/users/7/orders`.
 */
export const path: RuleDefinition<PathOptions> = {
  name: 'path',
  options: shorthand('pattern', shape),
  create({ pattern, onFailure }) {
    const segments = pattern
      .slice(1)
      .split('/')
      .map((text) => ({ text, isNamed: text.startsWith(':') }));
    return {
      name: 'path',
      subject: pattern,
      onFailure,
      find(facts) {
        const { path } = facts;
        const values: string[] = [];
        let at = 0;
        for (const { text, isNamed } of segments) {
          if (path.charCodeAt(at) !== 47 /* / */) return NOTHING;
          const slash = path.indexOf('/', at + 1);
          const end = slash === -1 ? path.length : slash;
          const value = decodeSegment(path.slice(at + 1, end));
          if (isNamed ? value === '' : value !== text) return NOTHING;
          if (isNamed) values.push(value);
          at = end;
        }
        return { kind: 'keyed', key: values.length === 1 ? values[0]! : framedKey(...values) };
      },
    };
  },
};

/** Percent-escapes as the bytes they stand for, once. A segment with a broken escape is taken as it is. */
function decodeSegment(segment: string): string {
  if (!segment.includes('%') || /%(?![0-9a-fA-F]{2})/.test(segment)) return segment;
  return segment.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(wholeNumber(hex, 16)));
}
