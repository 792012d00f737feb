import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Config } from '../control/config/config.js';

const ADDRESSES_SHOWN_MAX = 8;

/** What is to be said of the addresses of upstreams' names; asks the system's resolver, and nobody else. */
export async function resolveWarnings(config: Config): Promise<string[]> {
  const upstreams = config.pools.flatMap(({ name, upstreams: all }) =>
    all.map(({ id, url }) => ({ pool: name, id, host: new URL(url).hostname.replace(/^\[|\]$/g, '') })),
  );
  const warnings = await Promise.all(
    upstreams.map(async ({ pool, id, host }) => {
      const what = `upstream ${id} of pool ${pool}: ${host}`;
      if (isIP(host) !== 0) return undefined;
      const addresses = await lookup(host, { all: true }).catch(() => []);
      if (addresses.length === 0) return `${what} has no address here. Check the name, or the resolver.`;
      // An IPv4 and an IPv6 address are most often two of one instance, as with localhost.
      const several = [4, 6]
        .map((family) => addresses.filter((each) => each.family === family))
        .find((all) => all.length > 1);
      if (several === undefined) return undefined;
      const shown = several.slice(0, ADDRESSES_SHOWN_MAX).map(({ address }) => address);
      return `${what} has ${several.length} addresses (${shown.join(', ')}), and one is used at a time. Write an upstream for each.`;
    }),
  );
  return warnings.filter((warning) => warning !== undefined);
}
