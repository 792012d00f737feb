import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Change, Requirement } from '../../src/state/store/change.js';
import { redisStore, type Store } from '../../src/state/store/redis/index.js';
import { CHANGE, MERGE } from '../../src/state/store/redis/scripts.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { skipUnless } from '../support/programs.js';
import { startRedis, type RunningRedis } from '../support/redis.js';

const HOUR_MS = 3_600_000;

// The commonest change has a script of its own. What it does is what the other would do: the two are set side
// by side here.
skipUnless('redis-server')('the script for merges', () => {
  let redis: RunningRedis;
  let client: ReturnType<typeof createClient>;
  let sent: string[][] = [];
  let prefix = '';
  let prefixes = 0;

  beforeAll(async () => {
    redis = await startRedis();
    client = createClient({ url: redis.url }) as unknown as typeof client;
    await client.connect();
    const send = client.sendCommand.bind(client) as (args: string[], options?: object) => Promise<unknown>;
    client.sendCommand = ((args: string[], options?: object) => {
      sent.push(args);
      return send(args, options);
    }) as typeof client.sendCommand;
  });
  afterAll(() => client.destroy());
  beforeEach(() => {
    sent = [];
    prefix = `merge-${prefixes++}`;
  });

  const open = (name = prefix): Store => redisStore(client, { prefix: name, partitions: 1 });
  const scripts = (): (string | undefined)[] =>
    sent
      .flatMap(([command, sha]) =>
        command === 'EVALSHA' ? [{ [CHANGE.sha]: 'CHANGE', [MERGE.sha]: 'MERGE' }[sha!]] : [],
      )
      .filter((name) => name !== undefined);
  const kept = async (name: string): Promise<Record<string, string>> =>
    (await redis.command('HGETALL', `{${name}:0}:r:a`)) as Record<string, string>;
  const merge = (store: Store, set: Record<string, string>) =>
    store.change(0, {
      requires: [
        { kind: 'present', key: 'a' },
        { kind: 'field', key: 'a', field: 'to', text: undefined },
      ],
      steps: [{ kind: 'merge', key: 'a', set, ttlMs: HOUR_MS }],
    });

  test('answers and keeps what the script for all changes does, through 500 random merges', async () => {
    const seed = 11;
    const random = seededRandom(seed);
    const [one, other] = [open(`${prefix}-merge`), open(`${prefix}-change`)];
    const names = ['x', 'y', '__proto__', ''];
    const some = (): string[] => names.filter(() => random.below(3) === 0);
    for (let round = 0; round < 500; round++) {
      if (random.below(20) === 0) {
        const put: Change = {
          steps:
            random.below(4) === 0
              ? [{ kind: 'remove', key: 'a' }]
              : [
                  {
                    kind: 'put',
                    key: 'a',
                    fields: { x: '0' },
                    ttlMs: HOUR_MS,
                    endsInMs: random.below(2) === 0 ? HOUR_MS * 3 : undefined,
                  },
                ],
        };
        for (const store of [one, other]) await store.change(0, put);
      }
      const requires: Requirement[] = some().map((field) => ({
        kind: 'field',
        key: 'a',
        field,
        text: random.below(2) === 0 ? undefined : `${random.below(2)}`,
      }));
      if (random.below(2) === 0) requires.unshift({ kind: 'present', key: 'a' });
      const change: Change = {
        requires,
        steps: [
          {
            kind: 'merge',
            key: 'a',
            set: Object.fromEntries(some().map((name) => [name, `${random.below(2)}`])),
            ttlMs: [undefined, HOUR_MS, HOUR_MS * 2, HOUR_MS * 4][random.below(4)],
          },
        ],
      };
      const told = `round ${round} of seed ${seed}: ${JSON.stringify(change)}`;
      // One with notes is for the script for all changes.
      const [merged, changed] = [
        await one.change(0, change),
        await other.change(0, { ...change, notes: ['n'] }),
      ];
      expect({ ...merged, version: 0 }, told).toEqual({ ...changed, version: 0 });
      const [left, right] = [await kept(`${prefix}-merge`), await kept(`${prefix}-change`)];
      if (merged.done) expect(await one.sequence(0), told).toBe(merged.version);
      if (left['#v'] !== undefined && merged.done) expect(left['#v'], told).toBe(`${merged.version}`);
      for (const time of ['#x', '#e']) {
        expect(Math.abs(Number(left[time] ?? 0) - Number(right[time] ?? 0)), told).toBeLessThan(5_000);
        left[time] = right[time] = '';
      }
      expect({ ...left, '#v': '' }, told).toEqual({ ...right, '#v': '' });
      const [leftMs, rightMs] = [
        await redis.command('PTTL', `{${prefix}-merge:0}:r:a`),
        await redis.command('PTTL', `{${prefix}-change:0}:r:a`),
      ];
      expect(Math.abs(Number(leftMs) - Number(rightMs)), told).toBeLessThan(5_000);
    }
    expect(scripts().filter((name) => name === 'MERGE').length).toBeGreaterThan(300);
  });

  test('is the only one that a field of a session takes', async () => {
    const store = open();
    await store.change(0, { steps: [{ kind: 'put', key: 'a', fields: {}, ttlMs: HOUR_MS }] });
    sent = [];
    expect(await merge(store, { x: '1' })).toMatchObject({ done: true });
    expect(scripts()).toEqual(['MERGE']);
  });

  test('leaves to the other what is not as usual: no partition yet, another layout, something else at the key, a part of a record', async () => {
    const store = open();
    expect(await merge(store, { x: '1' })).toEqual({ done: false, failed: 0 });
    const record = `{${prefix}:0}:r:a`;
    const touch: Change = {
      requires: [{ kind: 'field', key: 'a', field: 'to', text: undefined }],
      steps: [{ kind: 'merge', key: 'a', set: { x: '1' }, ttlMs: HOUR_MS }],
    };
    for (const command of [
      ['SET', record, 'x'],
      ['HSET', record, 'x', '0'],
      ['HSET', record, '#v', 'x', '#e', '1'],
    ]) {
      await redis.command('DEL', record);
      await redis.command(...command);
      sent = [];
      expect(await store.change(0, touch), command.join(' ')).toMatchObject({ done: true });
      expect(scripts(), command.join(' ')).toEqual(['MERGE', 'CHANGE']);
    }
    expect(await kept(prefix)).toEqual({ '#v': 'x', '#e': '1' });
    await redis.command('HSET', `{${prefix}:0}:#`, 'layout', '1:7');
    await expect(store.change(0, touch)).rejects.toMatchObject({
      code: 'STICKY_STORE_MISUSED',
      message: expect.stringMatching(/1:7.*1:1/),
    });
    await redis.command('DEL', `{${prefix}:0}:#`);
    await redis.command('SET', `{${prefix}:0}:#`, 'x');
    await expect(store.change(0, touch)).rejects.toMatchObject({ code: 'STICKY_STORE_MISUSED' });
  });

  test('does a merge once that an ioredis client sends twice, and not after its time', async () => {
    const ioredis = new Redis({ port: redis.port });
    try {
      const calls: [string, string[]][] = [];
      const call = ioredis.call.bind(ioredis) as (command: string, args: string[]) => Promise<unknown>;
      ioredis.call = ((command: string, args: string[]) => {
        calls.push([command, args]);
        return call(command, args);
      }) as typeof ioredis.call;
      const store = redisStore(ioredis, { prefix, partitions: 1 });
      await store.change(0, { steps: [{ kind: 'put', key: 'a', fields: {}, ttlMs: HOUR_MS }] });
      const changed = await merge(store, { x: '1' });
      const [command, args] = calls.at(-1)!;
      expect(args[0]).toBe(MERGE.sha);
      expect(await call(command, args)).toEqual([
        'done',
        expect.any(Number),
        `${(changed as { version: number }).version}`,
      ]);
      expect(await store.sequence(0)).toBe((changed as { version: number }).version);
      // As if it had lain in a queue: another id, and an instant that is over.
      const late = args.map((arg, at) => (at === 4 ? `${arg}x` : at === 6 ? '1' : arg));
      expect(await call(command, late)).toEqual(['other', expect.any(Number)]);
      expect(await store.sequence(0)).toBe((changed as { version: number }).version);
    } finally {
      ioredis.disconnect();
    }
  });
});
