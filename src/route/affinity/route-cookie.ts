import { z } from 'zod';
import type { RuleDefinition } from './definition.js';
import { onFailure, shorthand, tokenName } from './options.js';
import { GONE, NOTHING, UNREADABLE, type FailurePolicy } from './rule.js';

/** What a cookie can carry (RFC 6265 §4.1.1, cookie-octet), and more than any id is long. */
const READABLE = /^[!#-+\--:<-[\]-~]{1,128}$/;

export interface RouteCookieOptions {
  readonly name: string;
  readonly onFailure: FailurePolicy;
}

const shape = z.strictObject({ name: tokenName('cookie'), onFailure: onFailure('rehome') });

/**
 * A cookie of the app that names the upstream in clear. The app owns it: it is followed and never written.
 */
export const routeCookie: RuleDefinition<RouteCookieOptions> = {
  name: 'routeCookie',
  options: shorthand('name', shape),
  followsOnly: true,
  create: ({ name, onFailure }) => ({
    name: 'routeCookie',
    subject: name,
    onFailure,
    find(facts, pool) {
      const value = facts.cookies(name)[0];
      if (value === undefined || value === '') return NOTHING;
      if (!READABLE.test(value)) return UNREADABLE;
      const index = pool.indexOf(value);
      return index === undefined ? GONE : { kind: 'bound', index };
    },
  }),
};
