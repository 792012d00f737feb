import { createCluster } from '@redis/client';
import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import type { Step } from '../../src/state/store/change.js';
import { redisStore, type RedisClient } from '../../src/state/store/redis/index.js';
import { skipUnless } from '../support/programs.js';
import { startCluster } from '../support/redis.js';
import { until } from '../support/until.js';

const PARTITIONS = 12;
const put = (key: string, fields = {}): Step => ({ kind: 'put', key, fields, ttlMs: 3_600_000 });

skipUnless('redis-server')('the redis store on a Redis Cluster of which a member is lost', () => {
  test.each(['node-redis', 'ioredis'] as const)(
    'rejects for the partitions of that member, goes on with the others, and with all when it is back, with %s',
    async (kind) => {
      const { members } = await startCluster({
        durable: true,
        settings: ['--cluster-require-full-coverage', 'no'],
      });
      let client: RedisClient;
      let end: () => unknown;
      if (kind === 'ioredis') {
        const connected = new Cluster(members.map(({ port }) => ({ host: '127.0.0.1', port })));
        connected.on('error', () => {});
        [client, end] = [connected, () => connected.disconnect()];
      } else {
        const connected = createCluster({ rootNodes: members.map(({ url }) => ({ url })) });
        connected.on('error', () => {});
        await connected.connect();
        [client, end] = [connected as unknown as RedisClient, () => connected.destroy()];
      }
      const store = redisStore(client, { partitions: PARTITIONS, timeout: '500ms', feedEvery: '50ms' });
      const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
      const missed = new Set<number>();
      const following = store.feed.follow({
        noted: () => {},
        missed: (partition) => void missed.add(partition),
      });
      await until(
        'all positions',
        () => all.every((partition) => following.position(partition).vouchedAtMs > -Infinity),
        10_000,
      );
      for (const partition of all)
        await store.change(partition, { steps: [put('a', { x: '1' })], notes: ['before'] });
      missed.clear();

      await members[1]!.kill();
      const works = async (partition: number): Promise<boolean> => {
        const results = await Promise.allSettled([
          store.read(partition, 'a'),
          store.change(partition, { steps: [{ kind: 'merge', key: 'a', set: { y: '2' } }] }),
        ]);
        for (const result of results)
          if (result.status === 'rejected')
            expect(result.reason).toMatchObject({ code: 'STICKY_STORE_DOWN' });
        return results.every(({ status }) => status === 'fulfilled');
      };
      const slots = await Promise.all(
        all.map(async (partition) =>
          Number(await members[0]!.command('CLUSTER', 'KEYSLOT', `{sr:${partition}}:#`)),
        ),
      );
      const lost = all.filter((partition) => slots[partition]! >= 5461 && slots[partition]! < 10_922);
      const there = all.filter((partition) => !lost.includes(partition));
      expect([lost.length > 0, there.length > 0]).toEqual([true, true]);
      await until(
        "that the others work, and these don't",
        async () => {
          const working = await Promise.all(all.map(works));
          return all.every((partition) => working[partition] === there.includes(partition));
        },
        10_000,
      );
      const vouchedAtMs = following.position(there[0]!).vouchedAtMs;
      await until('the beat of the others', () => following.position(there[0]!).vouchedAtMs > vouchedAtMs);

      await members[1]!.restart();
      await until(
        'that all partitions work',
        async () => (await Promise.all(all.map(works))).every(Boolean),
        30_000,
      );
      for (const partition of all)
        expect((await store.read(partition, 'a'))?.fields).toEqual({ x: '1', y: '2' });
      await until(
        'that followers of those partitions know',
        () => lost.every((partition) => missed.has(partition)),
        10_000,
      );
      expect(there.filter((partition) => missed.has(partition))).toEqual([]);
      following.stop();
      await store.close();
      await end();
    },
    90_000,
  );
});
