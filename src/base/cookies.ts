import { isBlank, trimBlank } from './blank.js';

/** A request with more cookies than this is read up to here; browsers stop at about 180 a site. */
const COOKIES_MAX = 256;

const NONE: ReadonlyMap<string, readonly string[]> = new Map();
const NO_VALUES: readonly string[] = [];

/** The `Cookie` field (RFC 6265 §5.4) as name → values. Values are as sent, without surrounding quotes. */
export function parseCookies(field: string | undefined): ReadonlyMap<string, readonly string[]> {
  if (field === undefined) return NONE;
  const found = new Map<string, string[]>();
  let at = 0;
  for (let count = 0; at < field.length && count < COOKIES_MAX; count++) {
    let end = field.indexOf(';', at);
    if (end === -1) end = field.length;
    const equals = field.indexOf('=', at);
    if (equals !== -1 && equals < end) {
      const name = trimBlank(field, at, equals);
      const value = valueOf(field, equals + 1, end);
      const values = found.get(name);
      if (values === undefined) found.set(name, [value]);
      else values.push(value);
    }
    at = end + 1;
  }
  return found;
}

/** What `parseCookies` has for one name, without reading the rest. */
export function cookieValues(field: string | undefined, name: string): readonly string[] {
  if (field === undefined) return NO_VALUES;
  let found: string[] | undefined;
  let at = 0;
  for (let count = 0; at < field.length && count < COOKIES_MAX; count++) {
    let end = field.indexOf(';', at);
    if (end === -1) end = field.length;
    while (isBlank(field.charCodeAt(at))) at++;
    if (field.startsWith(name, at)) {
      let equals = at + name.length;
      while (isBlank(field.charCodeAt(equals))) equals++;
      if (equals < end && field[equals] === '=') {
        const value = valueOf(field, equals + 1, end);
        if (found === undefined) found = [value];
        else found.push(value);
      }
    }
    at = end + 1;
  }
  return found ?? NO_VALUES;
}

function valueOf(field: string, start: number, end: number): string {
  const value = trimBlank(field, start, end);
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

/** The field with the values of one cookie replaced; every other byte stays. */
export function replaceCookies(field: string, name: string, replacement: (value: string) => string): string {
  if (!field.includes(name)) return field;
  const pairs = field.split(';');
  pairs.forEach((pair, at) => {
    const equals = pair.indexOf('=');
    if (equals === -1 || trimBlank(pair, 0, equals) !== name) return;
    const value = trimBlank(pair, equals + 1);
    const replaced = replacement(value);
    if (replaced !== value) pairs[at] = `${pair.slice(0, equals + 1)}${replaced}`;
  });
  return pairs.join(';');
}

/** The field without the cookies of one name; every other byte stays, but for blanks at the start. */
export function withoutCookies(field: string, name: string): string {
  let found = field.indexOf(name);
  // Mostly it isn't there at all, or only as a part of something else.
  if (found === -1) return field;
  let kept = '';
  let from = 0;
  while (found !== -1) {
    const start = pairStart(field, found, name.length);
    let end = field.indexOf(';', found);
    if (end === -1) end = field.length;
    if (start !== -1) {
      // Or it is all that there is.
      if (start === 0 && end === field.length) return '';
      kept += field.slice(from, start);
      from = Math.min(end + 1, field.length);
    }
    found = field.indexOf(name, end);
  }
  if (from === 0) return field;
  kept += field.slice(from);
  // Without what separated the last one from those before it.
  return trimBlank(kept.endsWith(';') ? kept.slice(0, -1) : kept);
}

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/** Where the pair begins whose name is found there; -1: these characters are part of something else. */
function pairStart(field: string, found: number, length: number): number {
  let start = found;
  while (start > 0 && isBlank(field.charCodeAt(start - 1))) start--;
  if (start > 0 && field.charCodeAt(start - 1) !== SEMICOLON) return -1;
  let equals = found + length;
  while (isBlank(field.charCodeAt(equals))) equals++;
  return field.charCodeAt(equals) === EQUALS ? start : -1;
}
