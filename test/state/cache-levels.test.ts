import { beforeEach, describe, expect, it } from 'vitest';
import { createCache, type Cache, type CacheEvent, type CacheOptions } from '../../src/state/cache/index.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createManualClock, type ManualClock } from '../../src/testing/manual-clock.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { countingStore, type CountingStore } from './counting-store.js';

let clock: ManualClock;
let store: CountingStore;
let events: CacheEvent[];

beforeEach(() => {
  clock = createManualClock();
  store = countingStore(memoryStore({ clock }));
  events = [];
});

function open(options: Partial<CacheOptions> = {}): Cache {
  return createCache({
    store,
    clock,
    random: seededRandom(7),
    jitter: 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
}

/** A load that counts its calls and can be told how to end. */
function source(...[value]: readonly [unknown?]) {
  const self = {
    value,
    calls: 0,
    error: undefined as Error | undefined,
    gate: undefined as Promise<void> | undefined,
    load: async (): Promise<unknown> => {
      self.calls++;
      const read = self.value;
      await self.gate;
      if (self.error !== undefined) throw self.error;
      return read;
    },
  };
  return self;
}

function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

describe('levels', () => {
  it('loads once, then answers from tier 1 without a command, and from tier 2 in another process', async () => {
    const cache = open();
    const { load } = source({ name: 'Ada' });
    expect(await cache.lookup('user', load)).toEqual({
      value: { name: 'Ada' },
      level: 'loaded',
      isShared: true,
    });
    store.commands.length = 0;
    expect(await cache.lookup('user', load)).toEqual({
      value: { name: 'Ada' },
      level: 'local',
      isShared: true,
    });
    expect(cache.peek('user')).toEqual({ name: 'Ada' });
    expect(await cache.get('user')).toEqual({ name: 'Ada' });
    expect(store.commands).toEqual([]);
    expect(await open().lookup('user', load)).toEqual({
      value: { name: 'Ada' },
      level: 'store',
      isShared: true,
    });
    expect(store.commands).toEqual(['read']);
  });

  it('gives the same promise to every hit: none is made', async () => {
    const cache = open();
    await cache.set('user', 1);
    expect(cache.getOrLoad('user', () => 2)).toBe(cache.get('user'));
  });

  it('gives nothing where there is nothing and no load', async () => {
    expect(await open().get('user')).toBeUndefined();
    expect(await open().lookup('user')).toEqual({ value: undefined, level: 'none', isShared: true });
  });

  it('has the same shape at every level, and is frozen', async () => {
    const cache = open();
    const loaded = await cache.getOrLoad<unknown>('user', () => ({ born: new Date(0), tags: ['a'] }));
    expect(loaded).toEqual({ born: '1970-01-01T00:00:00.000Z', tags: ['a'] });
    expect(await open().get('user')).toEqual(loaded);
    expect(() => (loaded as { tags: string[] }).tags.push('b')).toThrow(TypeError);
  });

  it('lives as long as it is told to, less the jitter', async () => {
    const cache = open({ jitter: 0.5, ttl: '10s' });
    for (let n = 0; n < 200; n++) await cache.set(`k${n}`, n);
    const alive = () =>
      Array.from({ length: 200 }, (_, n) => cache.peek(`k${n}`)).filter((value) => value !== undefined)
        .length;
    expect(alive()).toBe(200);
    clock.advance(4_999);
    expect(alive()).toBe(200);
    clock.advance(2_500);
    expect(alive()).toBeGreaterThan(60);
    expect(alive()).toBeLessThan(140);
    clock.advance(2_501);
    expect(alive()).toBe(0);
  });

  it("takes a call's own times", async () => {
    const cache = open({ ttl: '10s' });
    await cache.set('short', 1, { ttl: '1s' });
    await cache.set('long', 1, { ttl: '1h' });
    clock.advance(5_000);
    expect([await cache.get('short'), await cache.get('long')]).toEqual([undefined, 1]);
  });

  it('remembers that there is nothing, and forgets that sooner', async () => {
    const cache = open({ ttl: '1h', absence: '5s' });
    const nothing = source(undefined);
    expect(await cache.lookup('user', nothing.load)).toEqual({
      value: undefined,
      level: 'loaded',
      isShared: true,
    });
    expect(await cache.lookup('user', nothing.load)).toEqual({
      value: undefined,
      level: 'local',
      isShared: true,
    });
    expect(await open().lookup('user', nothing.load)).toEqual({
      value: undefined,
      level: 'store',
      isShared: true,
    });
    expect(nothing.calls).toBe(1);
    clock.advance(5_000);
    await cache.getOrLoad('user', nothing.load);
    expect(nothing.calls).toBe(2);
    await open().getOrLoad('other', nothing.load, { absence: 0 });
    await open().getOrLoad('other', nothing.load, { absence: 0 });
    expect(nothing.calls).toBe(4);
  });

  it('tells null, false, zero and the empty text from nothing', async () => {
    const cache = open();
    for (const value of [null, false, 0, '']) {
      const { load, ...counted } = source(value);
      await cache.getOrLoad(`k${value}`, load);
      expect(await open().lookup(`k${value}`)).toEqual({ value, level: 'store', isShared: true });
      expect(counted.calls).toBeLessThan(2);
    }
  });

  it('tells keys apart that are long, odd or half a character', async () => {
    const cache = open();
    const keys = [
      '',
      ' ',
      '\0',
      '\0u:1:ab',
      'k:a',
      'a',
      'u:1:ab',
      'x'.repeat(400),
      'x'.repeat(401),
      'x'.repeat(9_999),
      'a\ud800',
      'a\ud801',
      'a\ufffd',
      '__proto__',
      '😀',
    ];
    for (const key of keys) await cache.set(key, key);
    await cache.scope('a').set('b', 'scoped');
    for (const from of [cache, open()]) {
      for (const key of keys) expect(await from.get(key)).toBe(key);
      for (const key of keys) expect(from.peek(key)).toBe(key);
      expect(await from.scope('a').get('b')).toBe('scoped');
    }
  });

  it('keeps caches of different names apart', async () => {
    await open({ name: 'one' }).set('k', 1);
    expect(await open({ name: 'two' }).get('k')).toBeUndefined();
  });

  it('takes another codec', async () => {
    const codec = {
      encode: (value: unknown) => JSON.stringify([...(value as Map<string, number>)]),
      decode: (text: string) => new Map(JSON.parse(text) as [string, number][]),
    };
    await open({ codec }).set('k', new Map([['a', 1]]));
    expect(await open({ codec }).get('k')).toEqual(new Map([['a', 1]]));
  });

  it("counts what it can't read as absent, says so, and writes over it", async () => {
    const odd = [
      '',
      '2v0.0.1',
      '1x0.0.1',
      '1v0.0.{"a',
      '1v-1.0.1',
      '1v0.zz.1',
      '1v0',
      '1v0.3.[1]1',
      '1v0.1.{1',
      '1v0.-1.1',
      '{"v":1}',
    ];
    const records: Record<string, string>[] = [
      ...odd.map((e) => ({ e })),
      { other: 'x' },
      { n: 'nonce', k: '{' },
    ];
    for (const [at, fields] of records.entries()) {
      const key = `odd${at}`;
      await store.change(0, { steps: [{ kind: 'put', key: `c:cache:k:${key}`, fields, ttlMs: 60_000 }] });
      events.length = 0;
      expect(await open().get(key)).toBeUndefined();
      expect(events).toContainEqual({ type: 'unreadable' });
      expect(await open().lookup(key, () => 'new')).toEqual({
        value: 'new',
        level: 'loaded',
        isShared: true,
      });
      expect(await open().get(key)).toBe('new');
    }
  });
});

describe('loads', () => {
  it('have one flight for all who ask at once', async () => {
    const cache = open();
    const slow = source('value');
    const waiting = gate();
    slow.gate = waiting.promise;
    const all = Promise.all(Array.from({ length: 100 }, () => cache.lookup('k', slow.load)));
    waiting.open();
    expect(new Set((await all).map(({ level }) => level))).toEqual(new Set(['loaded']));
    expect(slow.calls).toBe(1);
  });

  it('that fail reach every waiter as the same error, and are tried again by the next', async () => {
    const cache = open();
    const broken = source('value');
    broken.error = new Error('no database');
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => cache.getOrLoad('k', broken.load)));
    expect(all.every((outcome) => outcome.status === 'rejected' && outcome.reason === broken.error)).toBe(
      true,
    );
    expect(broken.calls).toBe(1);
    broken.error = undefined;
    expect(await cache.getOrLoad('k', broken.load)).toBe('value');
    await expect(
      cache.getOrLoad('sync', () => {
        throw (broken.error = new Error('at once'));
      }),
    ).rejects.toThrow('at once');
  });

  it('that fail are stood in for by the older value within its grace, and not after', async () => {
    const cache = open({ ttl: '10s', grace: '20s' });
    const database = source('old');
    await cache.getOrLoad('k', database.load);
    database.error = new Error('no database');
    clock.advance(10_000);
    expect(await cache.lookup('k', database.load)).toEqual({ value: 'old', level: 'stale', isShared: true });
    expect(events).toEqual([{ type: 'stale', error: database.error }]);
    expect(await cache.get('k')).toBe('old'); // for a second the load is left alone
    expect(await cache.lookup('k', database.load)).toEqual({ value: 'old', level: 'stale', isShared: true });
    expect(database.calls).toBe(2);
    clock.advance(1_000);
    expect(await cache.get('k')).toBeUndefined(); // without a load nothing stale is given
    expect(await cache.lookup('k', database.load)).toEqual({ value: 'old', level: 'stale', isShared: true });
    expect(database.calls).toBe(3);
    clock.advance(19_000);
    await expect(cache.lookup('k', database.load)).rejects.toBe(database.error);
  });

  it('that fail are not stood in for by what was deleted', async () => {
    const cache = open({ ttl: '10s', grace: '20s' });
    const database = source('old');
    await cache.getOrLoad('k', database.load);
    clock.advance(10_000);
    await cache.delete('k');
    database.error = new Error('no database');
    await expect(cache.lookup('k', database.load)).rejects.toBe(database.error);
  });

  it('that are late go on, while the older value is served', async () => {
    const cache = open({ ttl: '10s', grace: '20s', soft: '100ms' });
    const database = source('old');
    await cache.getOrLoad('k', database.load);
    clock.advance(10_000);
    const waiting = gate();
    database.gate = waiting.promise;
    database.value = 'new';
    const late = cache.lookup('k', database.load);
    await settle();
    clock.advance(100);
    expect(await late).toEqual({ value: 'old', level: 'stale', isShared: true });
    expect(await cache.lookup('k', database.load)).toEqual({ value: 'old', level: 'stale', isShared: true });
    waiting.open();
    await settle();
    expect(await cache.lookup('k', database.load)).toEqual({ value: 'new', level: 'local', isShared: true });
    expect(database.calls).toBe(2);
  });

  it('that are later than their limit have failed, and are told so', async () => {
    const cache = open({ hard: '5s' });
    let signal: AbortSignal | undefined;
    const never = cache.getOrLoad('k', (context) => {
      signal = context.signal;
      return new Promise<string>(() => {});
    });
    await settle();
    clock.advance(5_000);
    await expect(never).rejects.toMatchObject({ code: 'STICKY_CACHE_LATE' });
    expect(signal?.aborted).toBe(true);
  });

  it('that began before a deletion, by key, tag or scope, are not kept, and nobody who comes later joins them', async () => {
    const deletions: readonly ((cache: Cache) => Promise<void>)[] = [
      (cache) => cache.delete('k'),
      (cache) => cache.deleteTag('t'),
    ];
    for (const deletion of deletions) {
      for (const isOwn of [true, false]) {
        store = countingStore(memoryStore({ clock }));
        const cache = open();
        const database = source('old');
        const waiting = gate();
        database.gate = waiting.promise;
        const first = cache.lookup('k', database.load, { tags: ['t'] });
        await settle();
        database.value = 'new';
        await deletion(isOwn ? cache : open());
        database.gate = undefined;
        expect(await cache.getOrLoad('k', database.load, { tags: ['t'] })).toBe('new');
        waiting.open();
        expect(await first).toEqual({ value: 'old', level: 'loaded', isShared: false });
        expect([cache.peek('k'), await open().get('k')]).toEqual(['new', 'new']);
      }
    }
    expect(events).toEqual(Array.from({ length: 4 }, () => ({ type: 'notKept', why: 'overtaken' })));
  });

  it('that were overtaken in a scope are made again, for its user must not read backwards', async () => {
    const deletions: readonly ((cache: Cache) => Promise<void>)[] = [
      (cache) => cache.scope('u').delete('k'),
      (cache) => cache.deleteTag('t'),
      (cache) => cache.scope('u').clear(),
    ];
    for (const deletion of deletions) {
      store = countingStore(memoryStore({ clock }));
      const cache = open();
      const database = source('old');
      const waiting = gate();
      database.gate = waiting.promise;
      const first = cache.scope('u').lookup('k', database.load, { tags: ['t'] });
      await settle();
      database.value = 'new';
      await deletion(open());
      waiting.open();
      expect(await first).toEqual({ value: 'new', level: 'loaded', isShared: true });
    }
  });

  it('give way to a write that came meanwhile', async () => {
    const cache = open();
    const database = source('loaded');
    const waiting = gate();
    database.gate = waiting.promise;
    const first = cache.scope('u').lookup('k', database.load);
    await settle();
    await open().scope('u').set('k', 'written');
    waiting.open();
    expect(await first).toEqual({ value: 'written', level: 'store', isShared: true });
  });

  it('that bring too much are returned and not kept; a write of that is refused', async () => {
    const cache = open({ valueBytesMax: 100 });
    const large = source('x'.repeat(99));
    expect(await cache.getOrLoad('k', large.load)).toBe(large.value);
    expect(events).toEqual([{ type: 'notKept', why: 'tooLarge' }]);
    expect(await cache.get('k')).toBeUndefined();
    await expect(cache.set('k', large.value)).rejects.toMatchObject({ code: 'STICKY_CACHE_TOO_LARGE' });
  });

  it('that bring what has no text fail', async () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const value of [circle, 1n, () => 1, Symbol('s')]) {
      await expect(open().getOrLoad('k', () => value)).rejects.toMatchObject({
        code: 'STICKY_CACHE_INVALID',
      });
      await expect(open().set('k', value)).rejects.toMatchObject({ code: 'STICKY_CACHE_INVALID' });
    }
  });
});

describe('writes', () => {
  it('replace, delete, and delete by tag and by scope', async () => {
    const cache = open();
    const other = open();
    await cache.set('a', 1, { tags: ['x'] });
    await cache.set('b', 2, { tags: ['x', 'y'] });
    await cache.scope('u').set('c', 3, { tags: ['y'] });
    await cache.scope('v').set('c', 4);
    const all = async () => [
      await other.get('a'),
      await other.get('b'),
      await other.scope('u').get('c'),
      await other.scope('v').get('c'),
    ];
    expect(await all()).toEqual([1, 2, 3, 4]);
    await cache.set('a', 5);
    expect(await all()).toEqual([5, 2, 3, 4]);
    await cache.deleteTag('y');
    expect(await all()).toEqual([5, undefined, undefined, 4]);
    await cache.scope('v').clear();
    expect(await all()).toEqual([5, undefined, undefined, undefined]);
    await cache.delete('a');
    expect(await all()).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('set that there is nothing', async () => {
    const cache = open();
    await cache.set('k', undefined);
    expect(await cache.lookup('k', () => 'never')).toEqual({
      value: undefined,
      level: 'local',
      isShared: true,
    });
    await cache.set('k', 1);
    await open({ absence: 0 }).set('k', undefined);
    expect(await cache.lookup('k', () => 'loaded')).toEqual({
      value: 'loaded',
      level: 'loaded',
      isShared: true,
    });
  });
});
