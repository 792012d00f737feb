import { z } from 'zod';
import { shorthand, tokenName } from '../options.js';
import type { CookieFormat } from './format.js';
import { routeSuffix } from './route-suffix.js';
import { namedUpstreams } from './token-table.js';

export interface ApacheOptions {
  readonly name: string;
  readonly pathParameter?: string | undefined;
  readonly separator: string;
  readonly upstreams?: Readonly<Record<string, string>> | undefined;
}

const shape = z.strictObject({
  name: tokenName('cookie'),
  pathParameter: tokenName('path parameter').optional(),
  separator: z
    .string({ error: 'Write the character of stickysessionsep, such as a dot.' })
    .regex(/^[!#-+\--:<-[\]-~]$/, 'Write one character that a cookie can have, as in stickysessionsep.')
    .default('.'),
  upstreams: namedUpstreams(),
});

/**
 * `stickysession` of Apache's mod_proxy_balancer (modules/proxy/mod_proxy_balancer.c): the route behind the
 * first dot, as in `ROUTEID=.node1`.
 */
export const apache: CookieFormat<ApacheOptions> = {
  name: 'apache',
  options: shorthand('name', shape),
  create: ({ name, pathParameter, separator, upstreams }) => ({
    name,
    pathParameter,
    read: routeSuffix(separator, upstreams),
  }),
};
