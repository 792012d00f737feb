import type { Rule } from '../route/affinity/rule.js';
import type { PoolSnapshot } from '../route/pool/snapshot.js';

/** The lines of a request's head as the upstream gets them. */
export type ForwardLines = (lines: string, pool: PoolSnapshot) => string;

/**
 * How a route's rules change the Cookie lines on their way to the upstream; undefined where none does, so
 * that other routes pay nothing.
 */
export function cookieForwarding(rules: readonly Rule[]): ForwardLines | undefined {
  const changing = rules.filter((rule) => rule.forwardCookie !== undefined);
  if (changing.length === 0) return undefined;
  // The lines were checked when they were parsed: each ends in CRLF, and neither stands in a value. No method
  // has a colon.
  return (lines, pool) =>
    lines.replace(
      /^(cookie:[ \t]*)([^\r\n]*)/gim,
      (_, start: string, field: string) =>
        start + changing.reduce((text, rule) => rule.forwardCookie!(text, pool), field),
    );
}
