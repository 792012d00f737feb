import { isBlank } from '../base/blank.js';
import type { Rule } from '../route/affinity/rule.js';
import type { PoolSnapshot } from '../route/pool/snapshot.js';

/** The lines of a request's head as the upstream gets them. */
export type ForwardLines = (lines: string, pool: PoolSnapshot) => string;

/**
 * How a route's rules change the Cookie lines on their way to the upstream; undefined where none does, so
 * that other routes pay nothing. A line that nothing is left of is left out.
 */
export function cookieForwarding(rules: readonly Rule[]): ForwardLines | undefined {
  const changing = rules.filter((rule) => rule.forwardCookie !== undefined);
  if (changing.length === 0) return undefined;
  return (lines, pool) => {
    let kept = '';
    let from = 0;
    // The lines were checked when they were parsed: each ends in CRLF, and neither stands in a value.
    for (let at = nextCookie(lines, 0); at !== -1; at = nextCookie(lines, at)) {
      const lineStart = at;
      at += COOKIE.length;
      while (isBlank(lines.charCodeAt(at))) at++;
      const end = lines.indexOf('\r\n', at);
      const field = lines.slice(at, end);
      let text = field;
      for (const rule of changing) text = rule.forwardCookie!(text, pool);
      if (text !== field) {
        kept += lines.slice(from, text === '' ? lineStart : at) + text;
        from = text === '' ? end + 2 : end;
      }
      at = end;
    }
    return from === 0 ? lines : kept + lines.slice(from);
  };
}

const COOKIE = 'cookie:';
const LINE_FEED = 0x0a;
const LETTER_C = 0x63;
/** Makes a letter of ASCII a small one. */
const LOWER_CASE = 0x20;

/** Where the next Cookie line starts, at or behind `from`; -1: there is none. */
function nextCookie(lines: string, from: number): number {
  // A colon is easy to find, and most heads have few of them before their cookies.
  for (let colon = lines.indexOf(':', from); colon !== -1; colon = lines.indexOf(':', colon + 1)) {
    const start = colon - COOKIE.length + 1;
    if (start < from || (start > 0 && lines.charCodeAt(start - 1) !== LINE_FEED)) continue;
    // `accept` is as long.
    if ((lines.charCodeAt(start) | LOWER_CASE) !== LETTER_C) continue;
    // As nearly all write it; only the others are made small letters.
    if (lines.startsWith('ookie:', start + 1)) return start;
    if (lines.slice(start, colon + 1).toLowerCase() === COOKIE) return start;
  }
  return -1;
}
