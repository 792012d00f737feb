import { createHash } from 'node:crypto';
import { z } from 'zod';
import { memberAddress } from '../../placement/member-address.js';
import { shorthand, tokenName } from '../options.js';
import { UNREADABLE } from '../rule.js';
import type { CookieFormat } from './format.js';
import { namedTokens, namedUpstreams, poolTokens } from './token-table.js';

/** NGX_HTTP_UPSTREAM_SID_LEN of ngx_http_upstream_round_robin.h. */
const ROUTE_CHARS_MAX = 32;
const DIGEST = /^[0-9a-f]{32}$/;

export interface NginxOptions {
  readonly name: string;
  /** By `route=`; without it upstreams are known by the MD5 of their address. */
  readonly upstreams?: Readonly<Record<string, string>> | undefined;
}

const shape = z.strictObject({ name: tokenName('cookie'), upstreams: namedUpstreams() });

/**
 * `sticky cookie` of nginx 1.29.6 and NGINX Plus (ngx_http_upstream_sticky_module.c): MD5 of the address as
 * nginx prints it, or the text of `route=`.
 */
export const nginx: CookieFormat<NginxOptions> = {
  name: 'nginx',
  options: shorthand('name', shape),
  create({ name, upstreams }) {
    const table =
      upstreams === undefined
        ? poolTokens((upstream) => [md5(printed(memberAddress(upstream)))])
        : namedTokens(upstreams, (route) => [route]);
    const isSpelt =
      upstreams === undefined
        ? (value: string) => DIGEST.test(value)
        : (value: string) => value.length <= ROUTE_CHARS_MAX;
    return { name, read: (value, pool) => (isSpelt(value) ? table.find(value, pool) : UNREADABLE) };
  },
};

/**
 * nginx hashes a name or a port that is left out as it is written, but prints the address that it connects
 * to: always with a port, IPv6 in its shortest form.
 */
function printed(address: string): string {
  if (!URL.canParse(`http://${address}`) || /^unix:/i.test(address)) return address;
  const { hostname, port } = new URL(`http://${address}`);
  return `${hostname}:${port === '' ? '80' : port}`;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
