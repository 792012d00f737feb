import { block, literal, word } from './text.js';

/**
 * The value of a cookie. `$cookie_NAME` knows only letters, digits and _; for others a map of the whole field
 * does it, under the name given.
 */
export function cookieValue(
  cookie: string,
  name: string,
): { readonly variable: string; readonly lines: string[] } {
  if (/^\w+$/.test(cookie)) return { variable: `$cookie_${cookie}`, lines: [] };
  return {
    variable: `$${name}`,
    lines: block(`map $http_cookie $${name}`, [
      `${word(`~(?:^|;[ \\t]*)${literal(cookie)}=([^;]*)`)} $1;`,
      'default "";',
    ]),
  };
}
