import { createClient, createCluster } from '@redis/client';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Step } from '../../src/state/store/change.js';
import { redisStore, type RedisClient } from '../../src/state/store/redis/index.js';
import { createSessions } from '../../src/state/session/index.js';
import { createTokens } from '../../src/state/token/index.js';
import { skipUnless } from '../support/programs.js';
import { startCluster, startRedis, type RunningRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const ttlMs = 3_600_000;
const put = (key: string): Step => ({ kind: 'put', key, fields: { a: '1' }, ttlMs });
const FULL = { code: 'STICKY_STORE_FULL', status: 503 };
const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

skipUnless('redis-server')('a Redis that has no memory left', () => {
  let redis: RunningRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });

  async function connected(kind: 'node-redis' | 'ioredis'): Promise<RedisClient> {
    if (kind === 'ioredis') {
      const client = new Redis({ port: redis.port });
      client.on('error', () => {});
      ending.push(() => client.disconnect());
      return client;
    }
    const client = createClient({ url: redis.url });
    client.on('error', () => {});
    await client.connect();
    ending.push(() => client.destroy());
    return client as unknown as RedisClient;
  }

  async function whileFull(task: () => Promise<void>): Promise<void> {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await task();
    } finally {
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    }
  }

  test.each(['node-redis', 'ioredis'] as const)(
    'takes every change that frees some, and refuses the others, by %s',
    async (kind) => {
      const store = redisStore(await connected(kind), { prefix: `full-${kind}`, partitions: 1 });
      ending.push(() => store.close());
      const link = (member: string): Step => ({ kind: 'link', index: 'i', member, ttlMs });
      for (const key of ['a', 'b', 'c', 'd']) await store.change(0, { steps: [put(key), link(key)] });
      await whileFull(async () => {
        for (const steps of [
          [put('x')],
          [{ kind: 'merge', key: 'd', set: { b: '2' } } as const],
          [link('x')],
        ])
          await expect(store.change(0, { steps })).rejects.toMatchObject(FULL);
        const freeing: Step[][] = [
          [{ kind: 'remove', key: 'a' }],
          [{ kind: 'unlink', index: 'i', member: 'a' }],
          [{ kind: 'remove', key: 'b' }, put('the mark that it was ended'), link('b')],
          [{ kind: 'merge', key: 'd', unset: ['a'] }],
          [{ kind: 'removeLinked', index: 'i' }],
        ];
        for (const steps of freeing)
          expect(await store.change(0, { steps, notes: ['gone'] }), JSON.stringify(steps)).toMatchObject({
            done: true,
          });
        for (const key of ['a', 'b', 'c', 'd']) expect(await store.read(0, key), key).toBeUndefined();
      });
    },
  );

  test('logs people out: sessions and tokens', async () => {
    const store = redisStore(await connected('node-redis'), { prefix: 'logout' });
    const sessions = createSessions<{ a: number }>({ store });
    const tokens = createTokens({
      keys: [{ id: '1', alg: 'HS256', secret: 'a shared secret of at least 32 bytes' }],
      ...{ issuer: 'i', audience: 'a', refresh: {}, store },
    });
    ending.push(
      () => store.close(),
      () => tokens.close(),
    );
    const first = sessions.visit({ cookie: undefined, isSecure: false });
    first.session.set('a', 1);
    await first.session.login('alice');
    const cookie = /^[^;]+/.exec((await first.commit()).setCookie!)![0];
    const [one, two] = [await tokens.issue({ sub: 'alice' }), await tokens.issue({ sub: 'alice' })];
    await whileFull(async () => {
      const visit = sessions.visit({ cookie, isSecure: false });
      await visit.load();
      await visit.session.destroy();
      await visit.commit();
      expect(await tokens.logout(one.refreshToken!)).toBe(true);
      await tokens.revokeUser('alice');
      await expect(tokens.issue({ sub: 'bob' })).rejects.toMatchObject(FULL);
    });
    const after = sessions.visit({ cookie, isSecure: false });
    await after.load();
    expect(after.session.userId).toBeUndefined();
    for (const { accessToken } of [one, two])
      await expect(tokens.verify(accessToken)).rejects.toMatchObject({ code: 'STICKY_TOKEN_REVOKED' });
  });

  test('an ioredis without its offline queue is told of changes at once', async () => {
    const client = new Redis({
      ...{ port: redis.port, enableOfflineQueue: false, maxRetriesPerRequest: 0, autoResubscribe: false },
    });
    client.on('error', () => {});
    ending.push(() => client.disconnect());
    await until('a connection', () => client.status === 'ready');
    const faults: string[] = [];
    const store = redisStore(client, {
      prefix: 'queue',
      feedEvery: '1h',
      onFault: ({ kind }) => faults.push(kind),
    });
    ending.push(() => store.close());
    const heard: string[] = [];
    const following = store.feed.follow({
      noted: (_, __, notes) => void heard.push(...notes),
      missed: () => {},
    });
    ending.push(() => following.stop());
    const subscribers = async () => String(await redis.command('PUBSUB', 'NUMSUB', 'queue:feed'));
    await until('the subscription', async () => /,1$/.test(await subscribers()));
    await until('a position', () => following.position(0).vouchedAtMs > -Infinity);
    await store.change(0, { steps: [put('a')], notes: ['pushed'] });
    await until('a note that was pushed', () => heard.length > 0);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until('the subscription once more', async () => /,1$/.test(await subscribers()));
    expect(faults).toEqual([]);
  });
});

skipUnless('redis-server')('a Redis Cluster, with node-redis', () => {
  async function connectedTo(members: readonly RunningRedis[]) {
    const client = createCluster({ rootNodes: members.map(({ url }) => ({ url })) });
    client.on('error', () => {});
    await client.connect();
    ending.push(() => client.destroy());
    return client as unknown as RedisClient;
  }

  test('whose map was read before all slots had an owner is found whole, in all partitions', async () => {
    const { members } = await startCluster({ settings: ['--cluster-require-full-coverage', 'no'] });
    // As a member is that has not heard yet of what the others own.
    for (const member of members) await member.command('CLUSTER', 'DELSLOTSRANGE', '0', '5460');
    const client = await connectedTo(members);
    await members[0]!.command('CLUSTER', 'ADDSLOTSRANGE', '0', '5460');
    const store = redisStore(client, { partitions: 12, feedEvery: '50ms' });
    ending.push(() => store.close());
    const all = Array.from({ length: 12 }, (_, partition) => partition);
    const following = store.feed.follow({ noted: () => {}, missed: () => {} });
    ending.push(() => following.stop());
    await until(
      'all positions',
      () => all.every((partition) => following.position(partition).vouchedAtMs > -Infinity),
      15_000,
    );
    for (const partition of all) await store.change(partition, { steps: [put('a')] });
  }, 60_000);

  test('waits while a slot moves, as long as a call may take', async () => {
    const { members } = await startCluster();
    const store = redisStore(await connectedTo(members), { partitions: 1, timeout: '5s' });
    ending.push(() => store.close());
    await store.change(0, { steps: [put('a')] });
    let owner: RunningRedis | undefined;
    let key = '';
    for (const member of members) {
      const keys = (await member.command('KEYS', '*')) as string[];
      if (keys.length > 0) [owner, key] = [member, keys[0]!];
    }
    const target = members.find((member) => member !== owner)!;
    const slot = String(await owner!.command('CLUSTER', 'KEYSLOT', key));
    const [from, to] = [await owner!.command('CLUSTER', 'MYID'), await target.command('CLUSTER', 'MYID')];
    await target.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(from));
    await owner!.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(to));
    let isOver = false;
    const changing = store.change(0, { steps: [put('new')] }).finally(() => (isOver = true));
    changing.catch(() => {}); // awaited below
    await until('some tries', async () =>
      /errorstat_TRYAGAIN:count=[2-9]/.test(String(await owner!.command('INFO', 'errorstats'))),
    );
    expect(isOver).toBe(false);
    await owner!.command('CLUSTER', 'SETSLOT', slot, 'STABLE');
    await target.command('CLUSTER', 'SETSLOT', slot, 'STABLE');
    expect(await changing).toMatchObject({ done: true });
  }, 60_000);
});
