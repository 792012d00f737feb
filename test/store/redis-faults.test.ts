import { readFileSync } from 'node:fs';
import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import type { Step } from '../../src/state/store/change.js';
import type { Feed, FeedPosition } from '../../src/state/store/feed.js';
import {
  redisStore,
  type RedisStoreOptions,
  type Store,
  type StoreFault,
} from '../../src/state/store/redis/index.js';
import { skipUnless } from '../support/programs.js';
import { startRedis, type RunningRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const put = (key: string, fields = {}): Step => ({ kind: 'put', key, fields, ttlMs: HOUR_MS });
const ending: (() => unknown)[] = [];
let prefixes = 0;

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function nodeRedis(redis: RunningRedis, options: Parameters<typeof createClient>[0] = {}) {
  const client = createClient({ url: redis.url, ...options });
  client.on('error', () => {});
  await client.connect();
  ending.push(() => client.isOpen && client.destroy());
  return client;
}

function ioredis(redis: RunningRedis): Redis {
  const client = new Redis({ port: redis.port });
  client.on('error', () => {});
  ending.push(() => client.disconnect());
  return client;
}

function open(client: Parameters<typeof redisStore>[0], options: RedisStoreOptions = {}): Store {
  const store = redisStore(client, {
    prefix: `faults-${prefixes++}`,
    partitions: 2,
    timeout: '500ms',
    feedEvery: '50ms',
    ...options,
  });
  ending.push(() => store.close());
  return store;
}

interface Follower {
  readonly heard: string[];
  readonly missed: number;
  position(partition: number): FeedPosition;
}

async function follow(feed: Feed): Promise<Follower> {
  const heard: string[] = [];
  let missed = 0;
  const subscription = feed.follow({
    noted: (_, __, notes) => void heard.push(...notes),
    missed: () => void missed++,
  });
  const first = {
    heard,
    get missed() {
      return missed - 2;
    },
    position: subscription.position,
  };
  await until('a position', () =>
    [0, 1].every((partition) => subscription.position(partition).vouchedAtMs > -Infinity),
  );
  return first;
}

skipUnless('redis-server')('the redis store, when something goes wrong', () => {
  let redis: RunningRedis;
  beforeAll(async () => void (redis = await startRedis({ durable: true })));

  test.each(['node-redis', 'ioredis'] as const)(
    'rejects while the server is gone and works again when it is back, with %s',
    async (kind) => {
      const store = open(kind === 'ioredis' ? ioredis(redis) : await nodeRedis(redis));
      const follower = await follow(store.feed);
      await store.change(0, { steps: [put('a', { x: '1' })], notes: ['before'] });
      await until('the note', () => follower.heard.length === 1);
      await redis.kill();
      const failing = [
        store.read(0, 'a'),
        store.change(0, { steps: [put('a', { x: '2' })] }),
        store.list(0, 'i'),
        store.sequence(0),
      ];
      for (const result of await Promise.allSettled(failing)) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'STICKY_STORE_DOWN' } });
      }
      const vouchedAtMs = follower.position(0).vouchedAtMs;
      await redis.restart();
      const record = await until('an answer', () => store.read(0, 'a').catch(() => undefined), 10_000);
      expect(record.fields).toEqual({ x: '1' });
      await store.change(0, { steps: [put('a', { x: '3' })], notes: ['after'] });
      await until('that the restart was noticed', () => follower.missed === 2, 10_000);
      await until('a newer position', () => follower.position(0).vouchedAtMs > vouchedAtMs);
      await store.change(0, { steps: [], notes: ['later'] });
      await until('a note again', () => follower.heard.at(-1) === 'later');
      // What was refused while the server was gone is not done afterwards.
      expect((await store.read(0, 'a'))?.fields).toEqual({ x: '3' });
    },
    60_000,
  );

  test.each(['node-redis', 'ioredis'] as const)(
    'gives up when the server stands still, and what it gave up is not done when it goes on, with %s',
    async (kind) => {
      const store = open(kind === 'ioredis' ? ioredis(redis) : await nodeRedis(redis));
      await store.change(0, { steps: [put('a', { x: '1' })] });
      redis.freeze();
      try {
        const startedAt = performance.now();
        await expect(
          store.change(0, { steps: [{ kind: 'merge', key: 'a', set: { x: 'late' } }] }),
        ).rejects.toMatchObject({
          code: 'STICKY_STORE_DOWN',
          message: expect.stringMatching(/no answer in 500 ms/),
        });
        await expect(store.read(0, 'a')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
        expect(performance.now() - startedAt).toBeLessThan(5_000);
      } finally {
        redis.thaw();
      }
      expect((await until('an answer', () => store.read(0, 'a').catch(() => undefined)))?.fields).toEqual({
        x: '1',
      });
      expect(await store.change(0, { steps: [{ kind: 'merge', key: 'a', set: { x: '2' } }] })).toMatchObject({
        done: true,
      });
    },
  );

  test('does a change once that an ioredis client sends twice', async () => {
    const client = ioredis(redis);
    const store = open(client);
    await store.change(0, { steps: [put('a', { x: '1' })] });
    // As ioredis does after a lost connection: the very same command again.
    const sent: [string, string[]][] = [];
    const call = client.call.bind(client) as (command: string, args: string[]) => Promise<unknown>;
    client.call = ((command: string, args: string[]) => {
      sent.push([command, args]);
      return call(command, args);
    }) as typeof client.call;
    const { version } = (await store.read(0, 'a'))!;
    const changed = await store.change(0, {
      requires: [{ kind: 'version', key: 'a', version }],
      steps: [
        { kind: 'merge', key: 'a', set: { x: '2' } },
        { kind: 'removeLinked', index: 'none' },
      ],
    });
    expect(changed).toMatchObject({ done: true });
    const [command, args] = sent.at(-1)!;
    expect(await call(command, args)).toMatchObject([
      'done',
      expect.anything(),
      `${(changed as { version: number }).version}`,
      '0',
    ]);
    expect(await store.sequence(0)).toBe((changed as { version: number }).version);
  });

  test('goes on when the server forgot its scripts', async () => {
    const store = open(await nodeRedis(redis));
    await store.change(0, { steps: [put('a')] });
    await redis.command('SCRIPT', 'FLUSH');
    expect(
      await Promise.all([store.change(0, { steps: [put('b')] }), store.change(1, { steps: [put('b')] })]),
    ).toMatchObject([{ done: true }, { done: true }]);
    expect(await store.list(0, 'i')).toEqual([]);
  });

  test('loses no note when its subscription is killed', async () => {
    const faults: StoreFault[] = [];
    const client = await nodeRedis(redis);
    const store = open(client, { onFault: (fault) => faults.push(fault) });
    const writer = open(ioredis(redis), { prefix: `faults-${prefixes - 1}` });
    const follower = await follow(store.feed);
    const sent: string[] = [];
    for (let n = 0; n < 200; n++) {
      if (n % 20 === 10) await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      sent.push(`${n}`);
      await writer.change(0, { steps: [], notes: [`${n}`] });
    }
    await until('every note', () => follower.heard.length >= sent.length);
    expect(follower.heard).toEqual(sent);
    expect(follower.missed).toBe(0);
  });

  test.each(['node-redis', 'ioredis'] as const)(
    'subscribes again when a client gives its connection up, with %s',
    async (kind) => {
      const client =
        kind === 'ioredis'
          ? new Redis({ port: redis.port, retryStrategy: null })
          : await nodeRedis(redis, { socket: { reconnectStrategy: false } });
      ending.push(() => kind === 'ioredis' && (client as Redis).disconnect());
      const faults: StoreFault[] = [];
      const store = open(client, { onFault: (fault) => faults.push(fault), feedEvery: '1h' });
      const prefix = `faults-${prefixes - 1}`;
      const follower = await follow(store.feed);
      const listeners = async (): Promise<number> =>
        Number(((await redis.command('PUBSUB', 'NUMSUB', `${prefix}:feed`)) as unknown[])[1]);
      await until('a subscription', async () => (await listeners()) === 1);
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until('that it was lost', () => faults.length === 1);
      await until('another subscription', async () => (await listeners()) === 1);
      await store.change(0, { steps: [], notes: ['pushed'] });
      await until('the note', () => follower.heard.length === 1);
      expect(faults).toMatchObject([{ kind: 'subscription' }]);
    },
  );

  test.each(['node-redis', 'ioredis'] as const)(
    'leaves no connection behind when it is closed while the server is gone, with %s',
    async (kind) => {
      const lonely = await startRedis();
      const made: { isOpen?: boolean; status?: string }[] = [];
      const client = kind === 'ioredis' ? ioredis(lonely) : await nodeRedis(lonely);
      const duplicate = client.duplicate.bind(client) as () => object;
      client.duplicate = (() => {
        const copy = duplicate();
        made.push(copy);
        return copy;
      }) as never;
      const store = open(client);
      await lonely.kill();
      const subscription = store.feed.follow({ noted: () => {}, missed: () => {} });
      expect(made).toHaveLength(1);
      subscription.stop();
      await store.close();
      await until('its end', () =>
        kind === 'ioredis' ? made[0]!.status === 'end' : made[0]!.isOpen === false,
      );
    },
  );

  test('vouches by the beat alone when nothing is ever pushed', async () => {
    const client = await nodeRedis(redis);
    // A user without the right to subscribe, as far as the store can see.
    client.duplicate = (() => {
      throw new Error('no more connections');
    }) as typeof client.duplicate;
    const faults: StoreFault[] = [];
    const store = open(client, { onFault: (fault) => faults.push(fault) });
    const follower = await follow(store.feed);
    for (let n = 0; n < 10; n++) await store.change(n % 2, { steps: [], notes: [`${n}`] });
    await until('every note', () => follower.heard.length === 10);
    expect(follower.missed).toBe(0);
    expect(faults[0]).toMatchObject({ kind: 'subscription' });
  });

  test('tells a follower that missed more than is kept', async () => {
    const store = open(await nodeRedis(redis), { feedEvery: '1h' });
    const prefix = `faults-${prefixes - 1}`;
    const beats: (() => void)[] = [];
    const late = open(await nodeRedis(redis), {
      prefix,
      clock: { ...systemClock, every: (ms, task) => (beats.push(task), systemClock.every(ms, () => {})) },
      feedEvery: '1h',
    });
    const follower = await follow(late.feed);
    await store.change(0, { steps: [], notes: ['one'] });
    await until('the first note', () => follower.heard.length === 1);
    // A note that neither the push nor the log has.
    await redis.command('HSET', `{${prefix}:0}:#`, 'noted', '1790000000000000');
    await store.change(0, { steps: [], notes: ['two'] });
    for (const beat of beats) beat();
    await until('that it missed something', () => follower.missed === 1);
    await store.change(0, { steps: [], notes: ['three'] });
    await until('the note after', () => follower.heard.at(-1) === 'three');
  });

  test('notices that the data was lost, and numbers go on above the old ones', async () => {
    const store = open(await nodeRedis(redis));
    const follower = await follow(store.feed);
    const before = await store.change(0, { steps: [put('a')], notes: ['before'] });
    const { run } = follower.position(0);
    await redis.command('FLUSHALL');
    const after = await store.change(0, { steps: [put('a')], notes: ['after'] });
    expect((after as { version: number }).version).toBeGreaterThan((before as { version: number }).version);
    await until('another run', () => follower.position(0).run !== run && follower.missed >= 1);
  });

  test('passes over what other programs keep at its keys, and does not write over it', async () => {
    const faults: StoreFault[] = [];
    const store = open(await nodeRedis(redis), { onFault: (fault) => faults.push(fault) });
    const prefix = `{faults-${prefixes - 1}:0}`;
    await redis.command('SET', `${prefix}:r:text`, 'x');
    await redis.command('HSET', `${prefix}:r:hash`, 'x', '1');
    await redis.command('HSET', `${prefix}:r:numbers`, '#v', 'x', '#x', '-1', '#e', '1e9');
    await redis.command('SET', `${prefix}:i:index`, 'x');
    for (const key of ['text', 'hash', 'numbers']) {
      expect(await store.read(0, key), key).toBeUndefined();
      expect(faults.pop(), key).toMatchObject({ kind: 'record', partition: 0, key });
      expect(
        await store.change(0, {
          requires: [
            { kind: 'absent', key },
            { kind: 'versionMax', key, version: 0 },
            { kind: 'field', key, field: 'x', text: undefined },
          ],
          steps: [
            { kind: 'merge', key, set: { y: '1' } },
            { kind: 'remove', key },
          ],
        }),
      ).toMatchObject({ done: true });
      await expect(store.change(0, { steps: [put('fine'), put(key)] }), key).rejects.toMatchObject({
        code: 'STICKY_STORE_MISUSED',
      });
    }
    expect(await store.list(0, 'index')).toEqual([]);
    expect(faults.pop()).toMatchObject({ kind: 'index', key: 'index' });
    for (const step of [
      { kind: 'link', index: 'index', member: 'a', ttlMs: 1000 },
      { kind: 'unlink', index: 'index', member: 'a' },
      { kind: 'removeLinked', index: 'index' },
    ] as const) {
      await expect(store.change(0, { steps: [put('fine'), step] })).rejects.toMatchObject({
        code: 'STICKY_STORE_MISUSED',
      });
    }
    expect(await store.read(0, 'fine')).toBeUndefined();
    expect(await redis.command('GET', `${prefix}:r:text`)).toBe('x');
    expect(await redis.command('HGETALL', `${prefix}:r:hash`)).toEqual({ x: '1' });
    await redis.command('DEL', `${prefix}:#`);
    await redis.command('SET', `${prefix}:#`, 'x');
    await expect(store.change(0, { steps: [put('fine')] })).rejects.toMatchObject({
      code: 'STICKY_STORE_MISUSED',
    });
  });

  test('passes over strange messages and log entries', async () => {
    const faults: StoreFault[] = [];
    const store = open(await nodeRedis(redis), { onFault: (fault) => faults.push(fault) });
    const prefix = `faults-${prefixes - 1}`;
    const follower = await follow(store.feed);
    const { run, sequence } = follower.position(0);
    for (const message of [
      '',
      'x',
      `0 ${run} 1 0 [`,
      `0 ${run} 9 ${sequence} {}`,
      `9 ${run} 9 ${sequence} []`,
      `0 other 9 ${sequence} ["x"]`,
      `0 ${run} 99999999999999999999 0 ["x"]`,
    ]) {
      await redis.command('PUBLISH', `${prefix}:feed`, message);
    }
    await store.change(0, { steps: [], notes: ['real'] });
    await until('the note', () => follower.heard.length === 1);
    expect(follower.heard).toEqual(['real']);
    expect(follower.missed).toBe(0);
    const far = '1999999999999999';
    await redis.command('XADD', `{${prefix}:0}:#log`, `${far}-0`, 'a', 'b');
    await redis.command('HSET', `{${prefix}:0}:#`, 'noted', far, 'seq', far);
    await until('that something was missed', () => follower.missed === 1);
    expect(faults.some(({ kind }) => kind === 'note')).toBe(true);
  });

  test('refuses a store of another layout at its prefix', async () => {
    const client = await nodeRedis(redis);
    const prefix = `faults-${prefixes++}`;
    await open(client, { prefix, partitions: 4 }).change(1, { steps: [put('a')] });
    const other = open(client, { prefix, partitions: 8 });
    await expect(other.change(1, { steps: [put('a')] })).rejects.toMatchObject({
      code: 'STICKY_STORE_MISUSED',
      message: expect.stringMatching(/1:4.*1:8/),
    });
  });

  test('says that Redis is full, and changes nothing', async () => {
    const store = open(await nodeRedis(redis));
    await store.change(0, { steps: [put('a', { x: '1' })] });
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await expect(store.change(0, { steps: [put('a', { x: '2' })] })).rejects.toMatchObject({
        code: 'STICKY_STORE_FULL',
      });
      expect((await store.read(0, 'a'))?.fields).toEqual({ x: '1' });
    } finally {
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    }
  });

  test("asks partition by partition where keys of several can't be in one command", async () => {
    const client = await nodeRedis(redis);
    const send = client.sendCommand.bind(client) as (args: string[], options?: object) => Promise<unknown>;
    client.sendCommand = (async (args: string[], options?: object) => {
      const slots = new Set(args.slice(3).flatMap((arg) => /^\{[^}]+\}/.exec(arg) ?? []));
      if (slots.size > 1) throw new Error("CROSSSLOT Keys in request don't hash to the same slot");
      return await send(args, options);
    }) as typeof client.sendCommand;
    const store = open(client);
    const follower = await follow(store.feed);
    for (let n = 0; n < 10; n++) await store.change(n % 2, { steps: [], notes: [`${n}`] });
    await until('every note', () => follower.heard.length === 10);
    expect(follower.missed).toBe(0);
  });

  test('goes on when the clock of the server was set forward', async () => {
    let behindMs = 0;
    const store = open(await nodeRedis(redis), {
      clock: { ...systemClock, monotonic: () => systemClock.monotonic() - behindMs },
    });
    await store.change(0, { steps: [put('a')] });
    behindMs = HOUR_MS; // to this process it looks as if Redis were an hour ahead of what it was
    expect(await store.change(0, { steps: [put('a', { x: '1' })] })).toMatchObject({ done: true });
    expect((await store.read(0, 'a'))!.expiresInMs).toBeGreaterThan(HOUR_MS - 2_000);
    expect((await store.read(0, 'a'))!.expiresInMs).toBeLessThan(HOUR_MS + 2_000);
  });

  test('is not used through a replica', async () => {
    const store = open(await nodeRedis(redis));
    const follower = await follow(store.feed);
    await store.change(0, { steps: [put('a')] });
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    try {
      await expect(store.change(0, { steps: [put('a')] })).rejects.toMatchObject({
        code: 'STICKY_STORE_DOWN',
        message: expect.stringMatching(/Redis answers [A-Z]+/),
      });
      const { vouchedAtMs } = follower.position(0);
      const asked = performance.now();
      await until('several beats', () => performance.now() - asked > 300);
      expect(follower.position(0).vouchedAtMs - vouchedAtMs, 'a replica vouches for nothing').toBeLessThan(
        100,
      );
    } finally {
      await redis.command('REPLICAOF', 'NO', 'ONE');
    }
  });

  test('needs no more rights than docs/stores.md says', async () => {
    const rule = /^ACL SETUSER app .*$/m.exec(
      readFileSync(new URL('../../docs/stores.md', import.meta.url), 'utf8'),
    )![0];
    await redis.command(...rule.split(' '));
    const client = await nodeRedis(redis, { username: 'app', password: 'secret' });
    const faults: StoreFault[] = [];
    const store = open(client, { prefix: 'sr', onFault: (fault) => faults.push(fault) });
    const follower = await follow(store.feed);
    await store.change(0, {
      requires: [
        { kind: 'absent', key: 'a' },
        { kind: 'field', key: 'a', field: 'x', text: undefined },
      ],
      steps: [
        put('a', { x: '1' }),
        { kind: 'merge', key: 'a', set: { y: '2' }, unset: ['x'], ttlMs: HOUR_MS },
        { kind: 'link', index: 'i', member: 'a', ttlMs: HOUR_MS },
        { kind: 'link', index: 'i', member: 'b', ttlMs: HOUR_MS },
      ],
      notes: ['first'],
    });
    expect(await store.read(0, 'a')).toMatchObject({ fields: { y: '2' } });
    expect(await store.list(0, 'i')).toHaveLength(2);
    expect(await store.sequence(0)).toBeGreaterThan(0);
    expect(
      await store.change(0, {
        steps: [
          { kind: 'unlink', index: 'i', member: 'b' },
          { kind: 'remove', key: 'none' },
          { kind: 'removeLinked', index: 'i' },
        ],
        notes: ['second'],
      }),
    ).toMatchObject({ done: true, removed: 1 });
    await until('both notes', () => follower.heard.length === 2);
    // A note that no push brought is read from the log.
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await store.change(0, { steps: [], notes: ['third'] });
    await until('the third', () => follower.heard.length === 3);
    expect(faults).toEqual([]);
    const throughIoredis = new Redis({ port: redis.port, username: 'app', password: 'secret' });
    ending.push(() => throughIoredis.disconnect());
    expect(await open(throughIoredis, { prefix: 'sr' }).change(0, { steps: [put('a')] })).toMatchObject({
      done: true,
    });
  });

  test('survives a client that was never connected, is closed, or is none', async () => {
    const client = createClient({ url: redis.url });
    const store = open(client);
    await expect(store.read(0, 'a')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
    await expect(store.change(0, { steps: [] })).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
    expect(() => redisStore({} as never)).toThrow(expect.objectContaining({ code: 'STICKY_STORE_MISUSED' }));
    expect(() => redisStore(client, { prefix: 'a{b' })).toThrow(
      expect.objectContaining({ code: 'STICKY_STORE_MISUSED' }),
    );
    expect(() => redisStore(client, { partitions: 65 })).toThrow(
      expect.objectContaining({ code: 'STICKY_STORE_MISUSED' }),
    );
    expect(() => redisStore(client, { timeout: 'soon' })).toThrow(
      expect.objectContaining({ code: 'STICKY_STORE_MISUSED' }),
    );
  });
});
