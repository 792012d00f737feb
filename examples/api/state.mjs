// What the three upstreams share: sessions, tokens, a cache, in one store. Over LMDB unless REDIS_URL is set.
import { createSessions } from 'stickyroute/session';
import { createTokens } from 'stickyroute/token';
import { createCache } from 'stickyroute/cache';

export async function openState({ REDIS_URL, STATE_FOLDER, SESSION_KEY, JWT_SECRET }) {
  const { store, close } = await openStore(REDIS_URL, STATE_FOLDER);
  const sessions = createSessions({ store, keys: [SESSION_KEY], idle: '1h', absolute: '12h' });
  const tokens = createTokens({
    store,
    keys: [{ id: 'sample', alg: 'HS256', secret: JWT_SECRET }],
    issuer: 'https://sample.example',
    audience: 'https://sample.example/api',
    ttl: '30m',
  });
  const cache = createCache({ store, max: 10_000, ttl: '5m', keys: [SESSION_KEY] });
  return {
    store,
    sessions,
    tokens,
    cache,
    async close() {
      tokens.close();
      cache.close();
      await close();
    },
  };
}

async function openStore(redisUrl, folder) {
  if (redisUrl === undefined || redisUrl === '') {
    const { lmdbStore } = await import('stickyroute/store/lmdb');
    const store = lmdbStore({ path: folder });
    return { store, close: () => store.close() };
  }
  const [{ createClient }, { redisStore }] = await Promise.all([
    import('@redis/client'),
    import('stickyroute/store/redis'),
  ]);
  const client = createClient({ url: redisUrl });
  client.on('error', (error) => console.error(`redis: ${error.message}`));
  await client.connect();
  const store = redisStore(client);
  return {
    store,
    async close() {
      await store.close();
      client.destroy();
    },
  };
}
