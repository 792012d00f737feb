// One cache, put through every case once: node bench/cache/subject.mjs NAME REDIS_PORT. Prints a line of
// JSON.
import { LRUCache } from 'lru-cache';

const [name, port] = process.argv.slice(2);
const HITS = 1_000;
const KEYS = 5_000;
/** Fewer than the keys, so that a walk over all of them finds nothing in tier 1. */
const SMALL = 100;
const SECONDS = 0.7;
const CONCURRENCY = 64;

const value = (at) => ({
  id: at,
  name: `Ada Lovelace ${at}`,
  email: `ada${at}@example.org`,
  roles: ['author', 'editor'],
  address: { street: '12 St James Square', city: 'London' },
  about: 'x'.repeat(80),
});
const keyOf = (at) => `user:${at}:profile`;
const keys = Array.from({ length: KEYS }, (_, at) => keyOf(at));
const url = `redis://127.0.0.1:${port}`;

const subjects = {
  async 'lru-cache'() {
    const cache = new LRUCache({ max: 10_000 });
    return {
      sync: (key) => cache.get(key),
      set: (key, of) => cache.set(key, of),
      hit: async (key) => cache.get(key),
      isTierOneOnly: true,
      close() {},
    };
  },
  async 'stickyroute, node-redis'(max) {
    const { createClient } = await import('@redis/client');
    const client = await createClient({ url }).connect();
    return await stickyroute(client, max, () => client.destroy());
  },
  async 'stickyroute, ioredis'(max) {
    const { Redis } = await import('ioredis');
    const client = new Redis({ host: '127.0.0.1', port: Number(port) });
    return await stickyroute(client, max, () => client.disconnect());
  },
  async bentocache(max) {
    const { BentoCache, bentostore } = await import('bentocache');
    const { memoryDriver } = await import('bentocache/drivers/memory');
    const { redisBusDriver, redisDriver } = await import('bentocache/drivers/redis');
    const connection = { host: '127.0.0.1', port: Number(port) };
    const store = bentostore()
      .useL1Layer(memoryDriver({ maxItems: max }))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection }));
    const cache = new BentoCache({ default: 'both', ttl: '1h', stores: { both: store } });
    return {
      set: (key, of) => cache.set({ key, value: of }),
      hit: (key) => cache.getOrSet({ key, factory: fail }),
      load: (key, factory) => cache.getOrSet({ key, factory }),
      close: () => cache.disconnectAll(),
    };
  },
  async cacheable(max) {
    const { Cacheable, CacheableMemory } = await import('cacheable');
    const { Keyv } = await import('keyv');
    const { default: KeyvRedis } = await import('@keyv/redis');
    const cache = new Cacheable({
      primary: new Keyv({ store: new (await import('cacheable')).KeyvCacheableMemory({ lruSize: max }) }),
      secondary: new KeyvRedis(url),
      ttl: '1h',
    });
    void CacheableMemory;
    return {
      set: (key, of) => cache.set(key, of),
      hit: (key) => cache.getOrSet(key, fail),
      load: (key, load) => cache.getOrSet(key, load),
      close: () => cache.disconnect(),
    };
  },
  async 'cache-manager'(max) {
    const { createCache } = await import('cache-manager');
    const { Keyv } = await import('keyv');
    const { KeyvCacheableMemory } = await import('cacheable');
    const { default: KeyvRedis } = await import('@keyv/redis');
    const cache = createCache({
      ttl: 3_600_000,
      stores: [
        new Keyv({ store: new KeyvCacheableMemory({ lruSize: max }) }),
        new Keyv({ store: new KeyvRedis(url) }),
      ],
    });
    return {
      set: (key, of) => cache.set(key, of),
      hit: (key) => cache.wrap(key, fail),
      load: (key, load) => cache.wrap(key, load),
      close: () => cache.disconnect(),
    };
  },
  async 'node-redis, client-side cache'(max) {
    const { createClient } = await import('@redis/client');
    const client = await createClient({
      url,
      RESP: 3,
      clientSideCache: { ttl: 0, maxEntries: max, evictPolicy: 'LRU' },
    }).connect();
    return {
      set: (key, of) => client.set(`csc:${key}`, JSON.stringify(of)),
      hit: async (key) => JSON.parse(await client.get(`csc:${key}`)),
      close: () => client.destroy(),
    };
  },
};

const results = {};
const large = await subjects[name](10_000);
for (let at = 0; at < HITS; at++) await large.set(keyOf(at), value(at));
for (let at = 0; at < HITS; at++) await large.hit(keyOf(at));
if (large.sync !== undefined)
  results['tier 1, without await'] = await measure((turn) => rush(turn, large.sync));
results['tier 1'] = await measure((turn) => oneByOne(turn, HITS, large.hit));
await large.close();
if (large.isTierOneOnly !== true) {
  const small = await subjects[name](SMALL);
  await inChunks(KEYS, (at) => small.set(keyOf(at), value(at)));
  results['tier 2, one by one'] = await measure((turn) => oneByOne(turn, KEYS, small.hit));
  results[`tier 2, ${CONCURRENCY} at once`] = await measure((turn) =>
    atOnce(turn, (at) => small.hit(keyOf(at % KEYS))),
  );
  if (small.load !== undefined) {
    let fresh = 0;
    results[`load and fill, ${CONCURRENCY} at once`] = await measure((turn) =>
      atOnce(turn, () => {
        const at = fresh++;
        return small.load(`fresh:${process.pid}:${at}`, async () => value(at));
      }),
    );
  }
  await small.close();
}
console.log(JSON.stringify(results));
process.exit(0);

async function stickyroute(client, max, disconnect) {
  const { createCache } = await import('../../dist/state/cache/index.js');
  const { redisStore } = await import('../../dist/state/store/redis/index.js');
  const store = redisStore(client);
  const cache = createCache({ store, max, ttl: '1h' });
  return {
    sync: (key) => cache.peek(key),
    set: (key, of) => cache.set(key, of),
    hit: (key) => cache.getOrLoad(key, fail),
    load: (key, load) => cache.getOrLoad(key, load),
    async close() {
      cache.close();
      await store.close();
      disconnect();
    },
  };
}

function fail() {
  throw new Error(`${name} asked for a load where it should have had the entry.`);
}

/** How many a second, and microseconds of CPU for each. The first tenth warms up. */
async function measure(work) {
  const turn = { ends: performance.now() + SECONDS * 100, count: 0 };
  await work(turn);
  Object.assign(turn, { ends: performance.now() + SECONDS * 1000, count: 0 });
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await work(turn);
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  return { rate: turn.count / (ms / 1000), micros: (user + system) / turn.count };
}

/** A thousand calls, then the event loop has its turn, as between the requests of a server. */
async function rush(turn, call) {
  while (performance.now() < turn.ends) {
    for (let at = 0; at < HITS; at++) if (call(keys[at]) === undefined) fail();
    turn.count += HITS;
    await new Promise(setImmediate);
  }
}

async function oneByOne(turn, count, call) {
  for (let at = 0; performance.now() < turn.ends; at += 1_000) {
    for (let each = 0; each < 1_000; each++) {
      if ((await call(keys[(at + each) % count])) === undefined) fail();
      turn.count++;
      if (count > HITS && (each & 31) === 0 && performance.now() >= turn.ends) return;
    }
    await new Promise(setImmediate);
  }
}

async function atOnce(turn, call) {
  let next = 0;
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (performance.now() < turn.ends) {
        await call(next++);
        turn.count++;
      }
    }),
  );
}

async function inChunks(count, work) {
  for (let at = 0; at < count; at += 100)
    await Promise.all(Array.from({ length: 100 }, (_, each) => work(at + each)));
}
