import { z } from 'zod';
import { emptyAsObject, shorthand, tokenName } from '../options.js';
import type { CookieFormat } from './format.js';
import { routeSuffix } from './route-suffix.js';
import { namedUpstreams } from './token-table.js';

export interface TomcatOptions {
  readonly name: string;
  readonly pathParameter: string;
  readonly upstreams?: Readonly<Record<string, string>> | undefined;
}

const shape = z.strictObject({
  name: tokenName('cookie').default('JSESSIONID'),
  pathParameter: tokenName('path parameter').default('jsessionid'),
  upstreams: namedUpstreams(),
});

/**
 * The `jvmRoute` that Tomcat appends to its session ids, and that mod_jk and others balance by:
 * `JSESSIONID=3F2A….node1`, or `;jsessionid=3F2A….node1` in the path.
 */
export const tomcat: CookieFormat<TomcatOptions> = {
  name: 'tomcat',
  options: emptyAsObject(shorthand('name', shape)),
  create: ({ name, pathParameter, upstreams }) => ({
    name,
    pathParameter,
    read: routeSuffix('.', upstreams),
  }),
};
