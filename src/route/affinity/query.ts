import { z } from 'zod';
import type { RuleDefinition } from './definition.js';
import { onFailure, shorthand } from './options.js';
import { NOTHING, type FailurePolicy } from './rule.js';

export interface QueryOptions {
  readonly name: string;
  readonly onFailure: FailurePolicy;
}

const shape = z.strictObject({
  name: z
    .string({ error: 'Write the name of the query parameter.' })
    .min(1, 'Write the name of the query parameter.'),
  onFailure: onFailure('borrow'),
});

/** The key is the first value of a query parameter, decoded. */
export const query: RuleDefinition<QueryOptions> = {
  name: 'query',
  options: shorthand('name', shape),
  create: ({ name, onFailure }) => ({
    name: 'query',
    subject: name,
    onFailure,
    find(facts) {
      const key = facts.query(name);
      return key === undefined || key === '' ? NOTHING : { kind: 'keyed', key };
    },
  }),
};
