import { createSentinel } from '@redis/client';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { Step } from '../../src/state/store/change.js';
import { redisStore, type RedisClient } from '../../src/state/store/redis/index.js';
import { skipUnless } from '../support/programs.js';
import { startSentinel } from '../support/redis.js';
import { until } from '../support/until.js';

const put = (key: string, fields = {}): Step => ({ kind: 'put', key, fields, ttlMs: 3_600_000 });

skipUnless('redis-server')('the redis store behind Sentinel', () => {
  test.each(['node-redis', 'ioredis'] as const)(
    'goes on with the replica when the master is lost, and tells followers, with %s',
    async (kind) => {
      const { port, masterName, master, replica } = await startSentinel();
      const sentinels = [{ host: '127.0.0.1', port }];
      let client: RedisClient;
      let end: () => unknown;
      if (kind === 'ioredis') {
        const connected = new Redis({ sentinels, name: masterName });
        connected.on('error', () => {});
        [client, end] = [connected, () => connected.disconnect()];
      } else {
        const connected = createSentinel({
          name: masterName,
          sentinelRootNodes: sentinels,
          scanInterval: 200,
        });
        connected.on('error', () => {});
        await connected.connect();
        [client, end] = [connected as unknown as RedisClient, () => connected.destroy()];
      }
      const store = redisStore(client, { prefix: kind, partitions: 2, timeout: '1s', feedEvery: '50ms' });
      const heard: string[] = [];
      let missed = 0;
      const following = store.feed.follow({
        noted: (_, __, notes) => void heard.push(...notes),
        missed: () => void missed++,
      });
      await until(
        'a position',
        () => following.position(0).vouchedAtMs > -Infinity && following.position(1).vouchedAtMs > -Infinity,
      );
      missed = 0;
      const before = await store.change(0, { steps: [put('a', { x: '1' })], notes: ['before'] });
      await until('the note', () => heard.length === 1);
      expect(missed).toBe(0);
      await until(
        'the record at the replica',
        async () => (await replica.command('EXISTS', `{${kind}:0}:r:a`)) === 1,
      );

      await master.kill();
      let failures = 0;
      const after = await until(
        'a change after the fail-over',
        async () => {
          try {
            return await store.change(0, {
              requires: [{ kind: 'present', key: 'a' }],
              steps: [put('a', { x: '2' })],
              notes: ['after'],
            });
          } catch (error) {
            expect(error).toMatchObject({ code: 'STICKY_STORE_DOWN' });
            failures++;
            return undefined;
          }
        },
        30_000,
      );
      expect(failures).toBeGreaterThan(0);
      expect(after).toMatchObject({ done: true });
      expect((after as { version: number }).version).toBeGreaterThan((before as { version: number }).version);
      expect((await store.read(0, 'a'))?.fields).toEqual({ x: '2' });
      await until('that followers know', () => missed === 2, 10_000);
      await store.change(0, { steps: [], notes: ['later'] });
      await until('a note again', () => heard.at(-1) === 'later', 10_000);
      following.stop();
      await store.close();
      await end();
    },
    90_000,
  );
});
