import { createClient, createCluster } from '@redis/client';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { redisStore, type RedisClient } from '../../src/state/store/redis/index.js';
import { storeContract, type StoreSubject } from '../../src/testing/index.js';
import { skipUnless } from '../support/programs.js';
import { startCluster, startRedis, type RunningCluster, type RunningRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let stores = 0;

/** Two stores over two clients, at a prefix that nothing was kept at. Time is that of the server. */
function subject([one, two]: readonly RedisClient[], redis: RunningRedis): StoreSubject {
  const options = { prefix: `test-${stores++}`, timeout: '10s', feedEvery: '50ms' };
  const store = redisStore(one!, options);
  const other = redisStore(two!, options);
  const now = async (): Promise<number> => {
    const [seconds, microseconds] = (await redis.command('TIME')) as [string, string];
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  };
  return {
    store,
    other,
    async advance(ms) {
      const fromMs = await now();
      await until(`${ms} ms by the clock of Redis`, async () => (await now()) - fromMs > ms + 1);
    },
    async close() {
      await Promise.all([store.close(), other.close()]);
    },
  };
}

skipUnless('redis-server')('the redis store', () => {
  let redis: RunningRedis;
  beforeAll(async () => void (redis = await startRedis()));

  describe('with node-redis, over RESP2 and RESP3', () => {
    let clients: ReturnType<typeof createClient>[];
    beforeAll(async () => {
      clients = ([2, 3] as const).map(
        (RESP) => createClient({ RESP, url: redis.url }) as unknown as ReturnType<typeof createClient>,
      );
      for (const client of clients) await client.connect();
    });
    afterAll(() => clients.forEach((client) => client.destroy()));
    test.each(storeContract(() => subject(clients, redis)))('$name', ({ run }) => run());
  });

  describe('with ioredis, its replies in the old form and in that of RESP3', () => {
    let clients: Redis[];
    beforeAll(
      () =>
        void (clients = (['legacy', 'resp3'] as const).map(
          (replyMapping) => new Redis({ port: redis.port, replyMapping }),
        )),
    );
    afterAll(() => clients.forEach((client) => client.disconnect()));
    test.each(storeContract(() => subject(clients, redis)))('$name', ({ run }) => run());
  });
});

skipUnless('redis-server')('the redis store on Redis Cluster', () => {
  let cluster: RunningCluster;
  beforeAll(async () => void (cluster = await startCluster()), 60_000);

  describe('with node-redis', () => {
    let clients: ReturnType<typeof createCluster>[];
    beforeAll(async () => {
      clients = [1, 2].map(() => createCluster({ rootNodes: cluster.members.map(({ url }) => ({ url })) }));
      for (const client of clients) await client.connect();
    });
    afterAll(() => clients.forEach((client) => client.destroy()));
    test.each(storeContract(() => subject(clients, cluster.members[0]!)))('$name', ({ run }) => run());
  });

  describe('with ioredis', () => {
    let clients: Cluster[];
    beforeAll(
      () =>
        void (clients = [1, 2].map(
          () => new Cluster(cluster.members.map(({ port }) => ({ host: '127.0.0.1', port }))),
        )),
    );
    afterAll(() => clients.forEach((client) => client.disconnect()));
    test.each(storeContract(() => subject(clients, cluster.members[0]!)))('$name', ({ run }) => run());
  });
});
