import { trimBlank } from './blank.js';

/** A request with more cookies than this is read up to here; browsers stop at about 180 a site. */
const COOKIES_MAX = 256;

const NONE: ReadonlyMap<string, readonly string[]> = new Map();

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
      let value = trimBlank(field, equals + 1, end);
      if (value.length > 1 && value.startsWith('"') && value.endsWith('"')) value = value.slice(1, -1);
      const values = found.get(name);
      if (values === undefined) found.set(name, [value]);
      else values.push(value);
    }
    at = end + 1;
  }
  return found;
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
