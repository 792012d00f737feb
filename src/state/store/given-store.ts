import { badOption } from '../../base/options.js';
import type { Store } from './store.js';

const VERBS = ['read', 'change', 'list', 'sequence'] as const;

/** The `store` of an app's options, which may be anything. */
export function givenStore(store: unknown): Store {
  const example = 'such as memoryStore() of stickyroute/store/memory';
  if (store === undefined || store === null) throw badOption(`\`store\` is missing. Give one, ${example}.`);
  const given = store as Partial<Record<string, unknown>>;
  const missing = VERBS.find((verb) => typeof given[verb] !== 'function');
  if (missing === undefined) return store as Store;
  // What node-redis and ioredis have in common, and no store has.
  if (typeof given['multi'] === 'function' || typeof given['connect'] === 'function')
    throw badOption(
      '`store` is a client of Redis, not a store. Write store: redisStore(client), of stickyroute/store/redis.',
    );
  throw badOption(
    typeof store === 'function'
      ? `\`store\` is a function. Call it, and give the store that it makes, ${example}.`
      : `\`store\` has no ${missing}(). Give a store of stickyroute/store/…, ${example}.`,
  );
}
