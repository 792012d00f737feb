import { acceptCookies } from './accept-cookies.js';
import { cookie } from './cookie.js';
import type { RuleDefinition } from './definition.js';
import { header } from './header.js';
import { ip } from './ip.js';
import { jwt } from './jwt.js';
import { keyCookie } from './key-cookie.js';
import { path } from './path.js';
import { query } from './query.js';
import { routeCookie } from './route-cookie.js';

/** Every kind of rule. A new one is a file and a line here. */
const DEFINITIONS: readonly RuleDefinition[] = [
  cookie,
  routeCookie,
  acceptCookies,
  keyCookie,
  jwt,
  header,
  query,
  path,
  ip,
];

/** By the name that stands in `affinity:`. */
export const rules: ReadonlyMap<string, RuleDefinition> = new Map(
  DEFINITIONS.map((definition) => [definition.name, definition]),
);
