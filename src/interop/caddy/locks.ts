import { OTHER_PATH } from '../doors.js';
import { isHearsay } from '../hearsay.js';
import type { Segment } from './segments.js';

/** Directives, of Caddy and of its well-known plugins, that ask who the client is. */
const LOCKS = new Set([
  'basic_auth',
  'basicauth',
  'forward_auth',
  'jwtauth',
  'jwt',
  'authorize',
  'authenticate',
  'authp',
  'abort',
  'coraza_waf',
  'crowdsec',
  'appsec',
  'geoip2',
  'import',
]);
const HARMLESS_FIELDS =
  /^-?(?:x-forwarded-[\w-]+|x-real-ip|forwarded|connection|accept-encoding|upgrade|te|range|if-[\w-]+|expect|proxy|via|server|host)$/i;
/** What says who somebody is; a client could write it itself once Caddy no longer does. */
const IDENTITY = /\{(?:http\.auth|http\.request\.tls\.client|tls_client|http\.vars\.\w*(?:user|auth))/;

/** Why a directive keeps somebody out; undefined when it does not. `args`: without its matcher. */
export function lockOf({ name, block = [] }: Segment, args: readonly string[]): string | undefined {
  const [first = '', second = ''] = args;
  if (name === 'import') return `import ${first} can't be read here: what it asks of clients is not known`;
  if (LOCKS.has(name)) return `${name}${first === '' ? '' : ` ${first}`}: requests are kept out there`;
  const status = [
    ...args,
    ...block.filter((line) => line.name === 'status').flatMap((line) => line.args),
  ].find((arg) => /^[1-5]\d\d$/.test(arg));
  if ((name === 'respond' || name === 'error') && /^4(?:01|03|04|05|10|51)$/.test(status ?? ''))
    return `${name} ${status!}: requests are kept out there`;
  if (name === 'tls' && block.some((line) => line.name === 'client_auth'))
    return 'client_auth: clients show a certificate there';
  // Where only the query changes, the path stays.
  if (name === 'rewrite' && !(args.at(-1) ?? '').startsWith('?'))
    return `rewrite ${args.at(-1) ?? ''} ${OTHER_PATH}`;
  if (name === 'uri' && /^(?:strip_prefix|strip_suffix|replace|path_regexp)$/.test(first))
    return `uri ${first} ${OTHER_PATH}`;
  if (name === 'handle_path') return `handle_path ${OTHER_PATH}`;
  if (name === 'request_header' || name === 'header_up') {
    if (HARMLESS_FIELDS.test(first)) return undefined;
    if (first.startsWith('-') && isHearsay(first.slice(1))) return undefined;
    if (first.startsWith('-')) return `${name} ${first}: the field is taken away there; it would pass here`;
    if (IDENTITY.test(second))
      return `${name} ${first} says who the client is there; a client could write it itself here`;
  }
  return undefined;
}
