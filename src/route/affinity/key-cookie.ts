import { z } from 'zod';
import type { RuleDefinition } from './definition.js';
import { onFailure, shorthand, tokenName } from './options.js';
import { NOTHING, type FailurePolicy } from './rule.js';

export interface KeyCookieOptions {
  readonly name: string;
  readonly onFailure: FailurePolicy;
}

const shape = z.strictObject({ name: tokenName('cookie'), onFailure: onFailure('borrow') });

/**
 * The key is the value of a cookie of the app, such as its session id: what nginx calls `hash $cookie_NAME`.
 */
export const keyCookie: RuleDefinition<KeyCookieOptions> = {
  name: 'keyCookie',
  options: shorthand('name', shape),
  create: ({ name, onFailure }) => ({
    name: 'keyCookie',
    subject: name,
    onFailure,
    find(facts) {
      // The first, as nginx: a browser sends the cookie of the longest path first (RFC 6265 §5.4).
      const key = facts.cookies(name)[0];
      return key === undefined || key === '' ? NOTHING : { kind: 'keyed', key };
    },
  }),
};
