import type { PoolSnapshot } from '../../pool/snapshot.js';
import { NOTHING, UNREADABLE, type Found } from '../rule.js';
import { namedTokens, poolTokens } from './token-table.js';

const ROUTE = /^[!-~]{1,128}$/;

/**
 * Reads the route behind a session id: `3F2A….node1`. It begins behind the first separator, as in
 * mod_proxy_balancer and mod_jk. A session id without one is a session that belongs to nobody.
 */
export function routeSuffix(
  separator: string,
  upstreams: Readonly<Record<string, string>> | undefined,
): (value: string, pool: PoolSnapshot) => Found {
  const table =
    upstreams === undefined ? poolTokens(({ id }) => [id]) : namedTokens(upstreams, (route) => [route]);
  return (value, pool) => {
    const at = value.indexOf(separator);
    const route = value.slice(at + 1);
    if (at === -1 || route === '') return NOTHING;
    return ROUTE.test(route) ? table.find(route, pool) : UNREADABLE;
  };
}
