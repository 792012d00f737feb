import type { Upstream } from './upstream.js';

/**
 * What an operator wants of an upstream, beside its condition, which is what health says. `in`: all users.
 * `leaving`: no new users; bindings are still followed. `out`: no requests at all, bindings included.
 */
export type Standing = 'in' | 'leaving' | 'out';

/** The standing that an upstream begins with, until an operator says otherwise. */
export function firstStanding({ draining }: Upstream): Standing {
  return draining ? 'leaving' : 'in';
}
