import { z } from 'zod';
import type { PoolSnapshot } from '../../pool/snapshot.js';
import type { Upstream } from '../../pool/upstream.js';
import { GONE, UNREADABLE, type Found } from '../rule.js';

const PAIRS =
  'Write what the other balancer calls each upstream, and its id here, such as { s1: api-1, s2: api-2 }.';
const NAME_CHARS_MAX = 128;

/** The option `upstreams`: their name for an upstream → our id. */
export function namedUpstreams() {
  return z
    .record(
      z.string().min(1, PAIRS).max(NAME_CHARS_MAX, `Write a name of at most ${NAME_CHARS_MAX} characters.`),
      z
        .string({ error: 'Write the id of an upstream of this pool; one that is a number in quotes.' })
        .min(1, PAIRS),
      { error: PAIRS },
    )
    .refine((pairs) => Object.keys(pairs).length > 0, PAIRS)
    .optional();
}

/** Which upstream a token means: the part of another balancer's cookie that names it, often a hash. */
export interface TokenTable {
  find(token: string, pool: PoolSnapshot): Found;
  has(token: string, pool: PoolSnapshot): boolean;
}

/** From names that were written down. A token that none of them gives was not made by that balancer. */
export function namedTokens(
  named: Readonly<Record<string, string>>,
  tokensOf: (name: string) => readonly string[],
): TokenTable {
  const ids = new Map<string, string>();
  for (const [name, id] of Object.entries(named)) for (const token of tokensOf(name)) ids.set(token, id);
  return {
    find(token, pool) {
      const id = ids.get(token);
      if (id === undefined) return UNREADABLE;
      const index = pool.indexOf(id);
      return index === undefined ? GONE : { kind: 'bound', index };
    },
    has: (token) => ids.has(token),
  };
}

/**
 * From the pool's own upstreams. A token that none of them gives was one of an upstream that is there no
 * more, for all that can be told.
 */
export function poolTokens(tokensOf: (upstream: Upstream) => readonly string[]): TokenTable {
  // By the array of upstreams, which snapshots share until the pool's members change.
  const tables = new WeakMap<readonly Upstream[], ReadonlyMap<string, number>>();
  const indexOf = (token: string, { upstreams }: PoolSnapshot): number | undefined => {
    let table = tables.get(upstreams);
    if (table === undefined) tables.set(upstreams, (table = makeTable(upstreams, tokensOf)));
    return table.get(token);
  };
  return {
    find(token, pool) {
      const index = indexOf(token, pool);
      return index === undefined ? GONE : { kind: 'bound', index };
    },
    has: (token, pool) => indexOf(token, pool) !== undefined,
  };
}

function makeTable(
  upstreams: readonly Upstream[],
  tokensOf: (upstream: Upstream) => readonly string[],
): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  upstreams.forEach((upstream, index) => {
    // Where two give the same token (ids that differ only in case, say), those balancers follow the first.
    for (const token of tokensOf(upstream)) if (!table.has(token)) table.set(token, index);
  });
  return table;
}
