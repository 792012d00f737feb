import { z } from 'zod';
import type { RuleDefinition } from './definition.js';
import { onFailure, shorthand, tokenName } from './options.js';
import { NOTHING, type FailurePolicy } from './rule.js';

export interface HeaderOptions {
  /** In lower case. */
  readonly name: string;
  readonly onFailure: FailurePolicy;
}

const shape = z.strictObject({
  name: tokenName('header').transform((name) => name.toLowerCase()),
  onFailure: onFailure('borrow'),
});

/** The key is the value of a header field, byte for byte; repeated fields are one list. */
export const header: RuleDefinition<HeaderOptions> = {
  name: 'header',
  options: shorthand('name', shape),
  create: ({ name, onFailure }) => ({
    name: 'header',
    subject: name,
    onFailure,
    find(facts) {
      const key = facts.headers.get(name);
      return key === undefined || key === '' ? NOTHING : { kind: 'keyed', key };
    },
  }),
};
