import { expect, it } from 'vitest';
import { createSessions } from '../../src/state/session/index.js';
import { expressSessionStore } from '../../src/state/store/session-store/express-session/index.js';
import { fastifySessionStore } from '../../src/state/store/session-store/fastify-session/index.js';
import { lmdbStore } from '../../src/state/store/lmdb/index.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { redisStore } from '../../src/state/store/redis/index.js';
import { createTokens } from '../../src/state/token/index.js';

const store = memoryStore();
const tokens = {
  keys: [{ id: '1', alg: 'HS256', secret: 'k'.repeat(32) }],
  issuer: 'i',
  audience: 'a',
  store,
};

it.each<[string, () => unknown, string, string]>([
  ['createSessions()', () => createSessions(undefined as never), 'STICKY_CONFIG_INVALID', 'may have: store'],
  [
    'a misspelt limit of sessions',
    () => createSessions({ store, absolut: '1h' } as never),
    'STICKY_CONFIG_INVALID',
    "can't have absolut",
  ],
  [
    'a misspelt limit of copies',
    () => createSessions({ store, local: { bond: '1s' } } as never),
    'STICKY_CONFIG_INVALID',
    "`local` can't have bond",
  ],
  [
    'a misspelt attribute of the cookie',
    () => createSessions({ store, cookie: { samesite: 'strict' } } as never),
    'STICKY_CONFIG_INVALID',
    "`cookie` can't have samesite",
  ],
  ...(['secure', 'persistent', 'partitioned'] as const).map(
    (flag): [string, () => unknown, string, string] => [
      `${flag} as text`,
      () => createSessions({ store, cookie: { [flag]: 'false' } } as never),
      'STICKY_CONFIG_INVALID',
      `\`cookie.${flag}\` must be true or false`,
    ],
  ),
  [
    'sameSite as true',
    () => createSessions({ store, cookie: { sameSite: true } } as never),
    'STICKY_CONFIG_INVALID',
    'none of lax, strict and none',
  ],
  [
    'a path that is no text',
    () => createSessions({ store, cookie: { path: 1 } } as never),
    'STICKY_CONFIG_INVALID',
    '`cookie.path` must be text',
  ],
  [
    'copies as text',
    () => createSessions({ store, local: 'yes' } as never),
    'STICKY_CONFIG_INVALID',
    '`local` must be true, false',
  ],
  [
    'a schema that is none',
    () => createSessions({ store, schema: { cart: 'text' } } as never),
    'STICKY_CONFIG_INVALID',
    'not a Standard Schema',
  ],
  [
    'a misspelt option of a store for @fastify/session',
    () => fastifySessionStore(store, { endedfor: '1m' } as never),
    'STICKY_STORE_MISUSED',
    'Did you mean endedFor?',
  ],
  [
    'a misspelt option of a store for express-session',
    () => expressSessionStore(store, { session: { Store: class {} }, tll: '1d' } as never),
    'STICKY_STORE_MISUSED',
    'Did you mean ttl?',
  ],
  [
    'a store for @fastify/session without a store',
    () => fastifySessionStore({} as never),
    'STICKY_STORE_MISUSED',
    'takes a store first',
  ],
  [
    'a key from a variable that is not set',
    () => createSessions({ store, keys: [undefined as never] }),
    'STICKY_CONFIG_INVALID',
    'Is the environment variable set',
  ],
  [
    'a misspelt life of tokens',
    () => createTokens({ ...tokens, tll: '5m' } as never),
    'STICKY_CONFIG_INVALID',
    "createTokens can't have tll",
  ],
  [
    'a misspelt life of refresh tokens',
    () => createTokens({ ...tokens, refresh: { idel: '1d' } } as never),
    'STICKY_CONFIG_INVALID',
    "`refresh` can't have idel",
  ],
  [
    'a store in a file without a path',
    () => lmdbStore({} as never),
    'STICKY_STORE_MISUSED',
    'needs a `path`',
  ],
  [
    'a store in Redis without a client',
    () => redisStore(undefined as never),
    'STICKY_STORE_MISUSED',
    'takes a client',
  ],
  [
    'a store for express-session without it',
    () => expressSessionStore(store, undefined as never),
    'STICKY_STORE_MISUSED',
    '{ session }',
  ],
])('%s is refused with what to write', (_, create, code, message) => {
  expect(create).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
});
