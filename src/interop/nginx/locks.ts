import { lockText } from '../doors.js';
import { isHearsay } from '../hearsay.js';
import type { Directive } from './directives.js';

/** What stands in the way of a request in nginx, and nothing here would. */
export interface NginxLock {
  readonly at: string;
  readonly message: string;
}

/** Directives whose presence alone keeps somebody out, unless their first word takes it back. */
const LOCKS = new Set([
  'auth_basic',
  'auth_request',
  'auth_jwt',
  'auth_jwt_require',
  'auth_delay',
  'auth_digest',
  'auth_ldap',
  'auth_pam',
  'auth_oidc',
  'auth_spnego',
  'auth_gss',
  'auth_saml',
  'secure_link',
  'valid_referers',
  'internal',
  'limit_except',
  'include',
  'modsecurity',
  'app_protect_enable',
  'access_by_lua',
  'access_by_lua_block',
  'access_by_lua_file',
  'rewrite_by_lua',
  'rewrite_by_lua_block',
  'rewrite_by_lua_file',
  'js_access',
  'perl_access',
]);
const SINGLE = new Set(['ssl_verify_client', 'deny', 'allow', 'if', 'return', 'proxy_set_header']);
/** What names who somebody is; a client could write it itself once nginx no longer does. */
const IDENTITY =
  /\$(?:\{)?(?:remote_user|ssl_client_\w+|jwt_\w+|auth_\w+|oidc_\w+|upstream_http_\w*(?:user|auth|role|group)\w*)/i;
/** Emptied for the sake of the protocol, and no lock. */
const EMPTIED =
  /^(?:connection|accept-encoding|upgrade|te|range|if-[\w-]+|expect|proxy|keep-alive|content-[\w-]+|transfer-encoding)$/i;

/** Is the directive one that the reader of locks understands? Others say what is said of it. */
export function isLock(line: Directive): boolean {
  return (
    (LOCKS.has(line.name) || /^auth_/.test(line.name) || SINGLE.has(line.name)) && reason(line) !== undefined
  );
}

/** Words of locks without a meaning of their own: users of a password, how two locks go together. */
export function isPartOfLock({ name }: Directive): boolean {
  return (
    /^auth_(?:basic_user_file|request_set|jwt_\w+|ldap_\w+|pam_\w+|digest_\w+|gss_\w+)$/.test(name) ||
    [
      'satisfy',
      'secure_link_md5',
      'secure_link_secret',
      'ssl_client_certificate',
      'ssl_verify_depth',
      'ssl_crl',
      'ssl_trusted_certificate',
      'allow',
      'deny',
      'ssl_verify_client',
    ].includes(name) ||
    LOCKS.has(name)
  );
}

/** Why a directive keeps somebody out; undefined when it does not. */
function reason({ name, args, block = [] }: Directive): string | undefined {
  const [first = '', second = ''] = args;
  switch (name) {
    case 'deny':
      return `deny ${first}: addresses are kept out there`;
    case 'allow':
      return undefined;
    case 'if': {
      const answer = block.find((line) => line.name === 'return' && /^(?:4\d\d)$/.test(line.args[0] ?? ''));
      return answer === undefined
        ? undefined
        : `if ${args.join(' ')} is answered with ${answer.args[0]!} there`;
    }
    case 'return':
      return /^(?:401|403|405|444|410|451)$/.test(first)
        ? `return ${first}: nobody gets in there`
        : undefined;
    case 'ssl_verify_client':
      return first === 'off' ? undefined : `ssl_verify_client ${first}: clients show a certificate there`;
    case 'proxy_set_header':
      if (/^x-forwarded-|^x-real-ip$|^host$/i.test(first)) return undefined;
      if (second === '' && isHearsay(first)) return undefined;
      if (IDENTITY.test(second))
        return `proxy_set_header ${first} says who the client is there; a client could write it itself here`;
      return second === '' && !EMPTIED.test(first)
        ? `proxy_set_header ${first} "" takes the field away there; it would pass here`
        : undefined;
    case 'internal':
      return 'internal: clients get 404 there';
    case 'include':
      return `include ${first} can't be read here: what it asks of clients is not known`;
    case 'limit_except':
      return `limit_except ${args.join(' ')}: other methods are kept out there`;
    default:
      return first === 'off' || first === '0'
        ? undefined
        : `${name}${first === '' ? '' : ` ${first}`}: it is asked there`;
  }
}

/**
 * The locks in force where `levels` are the lines of a location, of what is around it, of its server and of
 * http, from the inside out. What an inner level says of one kind replaces what the outer ones say of it, as
 * in nginx; `if`, `return`, `limit_except` and `internal` add up.
 */
export function locksOf(levels: readonly (readonly Directive[])[]): NginxLock[] {
  const settled = new Set<string>();
  const found: NginxLock[] = [];
  for (const lines of levels) {
    const here = new Set<string>();
    for (const line of lines) {
      const kind = kindOf(line);
      if (kind === undefined || settled.has(kind)) continue;
      if (INHERITED.test(kind)) here.add(kind);
      const why = reason(line);
      if (why !== undefined)
        found.push({
          at: line.at,
          message: lockText(why),
        });
    }
    for (const kind of here) settled.add(kind);
  }
  return found;
}

const INHERITED = /^(?!if$|return$|limit_except$|internal$|include$)/;

function kindOf({ name, args }: Directive): string | undefined {
  if (name === 'allow' || name === 'deny') return 'access';
  if (name === 'proxy_set_header') return `header ${(args[0] ?? '').toLowerCase()}`;
  return LOCKS.has(name) || SINGLE.has(name) || /^auth_(?!basic_user_file|request_set|jwt_)/.test(name)
    ? name
    : undefined;
}
