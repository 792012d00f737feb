import { InvalidArgumentError } from 'commander';
import { parseAddress } from '../route/address.js';

/* How the command line takes a request apart: for `explain` and `where`. */

export function toUrl(text: string): string {
  if (/^\/[\x21-\x7e]*$/.test(text) || (/^https?:\/\/[^/?#]/i.test(text) && URL.canParse(text))) return text;
  throw new InvalidArgumentError('Write http://host/path?query, or /path?query.');
}

export function toHeader(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Write it as 'name: value'.");
  return [...before, [match[1]!, match[2]!]];
}

/** RFC 9110 §5.6.2: a token. */
export function toMethod(text: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return text;
  throw new InvalidArgumentError('Write one such as GET or POST.');
}

export function toAddress(text: string): string {
  if (parseAddress(text) !== undefined) return text;
  throw new InvalidArgumentError('Write an IPv4 or IPv6 address, such as 203.0.113.9 or 2001:db8::1.');
}
