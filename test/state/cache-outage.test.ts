import { beforeEach, describe, expect, it } from 'vitest';
import { createCache, type Cache, type CacheEvent, type CacheOptions } from '../../src/state/cache/index.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createManualClock, type ManualClock } from '../../src/testing/manual-clock.js';
import { countingStore, type CountingStore } from './counting-store.js';
import { heldFeed } from './held-feed.js';

let clock: ManualClock;
let store: CountingStore;
let events: CacheEvent[];

beforeEach(() => {
  clock = createManualClock();
  store = countingStore(memoryStore({ clock }));
  events = [];
});

function open(options: Partial<CacheOptions> = {}): Cache {
  return createCache({ store, clock, jitter: 0, onEvent: (event) => events.push(event), ...options });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

describe("when the store can't be reached", () => {
  it('loads, says that nobody else knows, and uses the value again within the bound only', async () => {
    const cache = createCache({
      store: heldFeed(store, clock.monotonic),
      clock,
      bound: '1s',
      onEvent: (event) => events.push(event),
    });
    store.isDown = true;
    let loads = 0;
    const load = () => ++loads;
    expect(await cache.lookup('k', load)).toEqual({ value: 1, level: 'loaded', isShared: false });
    expect(await cache.lookup('k', load)).toEqual({ value: 1, level: 'local', isShared: false });
    expect(events).toEqual([
      { type: 'storeDown', during: 'read', error: expect.objectContaining({ code: 'STICKY_STORE_DOWN' }) },
    ]);
    clock.advance(1_000);
    expect(await cache.lookup('k', load)).toMatchObject({ value: 2, level: 'loaded' });
    store.isDown = false;
    clock.advance(1_000);
    expect(await cache.lookup('k', load)).toEqual({ value: 3, level: 'loaded', isShared: true });
  });

  it('fails reads where it was told to, and those without a load always', async () => {
    const cache = open({ onStoreDown: 'fail' });
    store.isDown = true;
    await expect(cache.getOrLoad('k', () => 1)).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
    await expect(open().get('k')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
  });

  it("goes on with copies that can't be older than the bound", async () => {
    const cache = open();
    await cache.set('k', 1);
    store.isDown = true;
    expect(await cache.lookup('k')).toMatchObject({ value: 1, level: 'local' });
  });

  it('fails writes, and forgets the copy, for nobody knows what came of it', async () => {
    const cache = open();
    await cache.set('k', 1, { tags: ['t'] });
    await cache.set('l', 1, { tags: ['t'] });
    store.isDown = true;
    await expect(cache.set('k', 2)).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
    expect([cache.peek('k'), cache.peek('l')]).toEqual([undefined, 1]);
    await expect(cache.deleteTag('t')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
    expect(cache.peek('l')).toBeUndefined();
    await expect(cache.delete('k')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
  });

  it("does not let every reader wait for the store's time limit", async () => {
    const cache = open();
    store.isDown = true;
    await Promise.allSettled(Array.from({ length: 10 }, (_, n) => cache.getOrLoad(`first${n}`, () => n)));
    store.commands.length = 0;
    await Promise.allSettled(Array.from({ length: 10 }, (_, n) => cache.getOrLoad(`next${n}`, () => n)));
    expect(store.commands).toEqual([]);
    clock.advance(250);
    await cache.getOrLoad('later', () => 1);
    expect(store.commands).toEqual(['read']);
  });

  it("returns what was loaded when it can't be stored", async () => {
    const cache = open();
    expect(
      await cache.lookup('k', () => {
        store.isDown = true;
        return 1;
      }),
    ).toEqual({ value: 1, level: 'loaded', isShared: false });
    expect(events).toMatchObject([{ type: 'storeDown', during: 'fill' }]);
    expect(cache.peek('k')).toBeUndefined();
  });
});

describe('a process that has heard nothing of the others', () => {
  const deaf = () => {
    const held = heldFeed(store, clock.monotonic);
    return {
      held,
      cache: createCache({
        store: held,
        clock,
        jitter: 0,
        bound: '1s',
        onEvent: (event) => events.push(event),
      }),
    };
  };

  it('sees its own writes and deletions at once', async () => {
    const { cache } = deaf();
    await cache.set('k', 1, { tags: ['t'] });
    expect(cache.peek('k')).toBe(1);
    await cache.set('k', 2, { tags: ['t'] });
    expect(cache.peek('k')).toBe(2);
    await cache.delete('k');
    expect(cache.peek('k')).toBeUndefined();
    for (const remove of [() => cache.deleteTag('t'), () => cache.scope('u').clear()]) {
      await cache.scope('u').set('k', 3, { tags: ['t'] });
      await remove();
      expect(cache.scope('u').peek('k')).toBeUndefined();
    }
  });

  it('passes over its copies until it hears that they are good', async () => {
    const { cache, held } = deaf();
    await cache.set('k', 1);
    await cache.set('l', 1);
    await open().set('k', 2);
    clock.advance(1_000);
    expect(cache.peek('k')).toBe(1); // allowed: the bound is not over
    clock.advance(1);
    expect(cache.peek('k')).toBeUndefined();
    expect(await cache.lookup('k')).toMatchObject({ value: 2, level: 'store' });
    await held.hear();
    expect([cache.peek('k'), cache.peek('l')]).toEqual([2, 1]);
  });

  it('does not keep a read of the store that a write overtook', async () => {
    const { cache, held } = deaf();
    await held.hear();
    await open().set('k', 'old');
    let release: () => void = () => {};
    const answered = new Promise<void>((resolve) => (release = resolve));
    const read = held.read;
    held.read = async (...args) => {
      const record = await read(...args);
      await answered;
      return record;
    };
    const slow = cache.get('k');
    await settle();
    await open().set('k', 'new');
    await held.hear();
    release();
    expect(await slow).toBe('old');
    expect(cache.peek('k')).toBeUndefined();
  });

  it('takes a load of another process for the new value, whatever that replaced', async () => {
    const { cache, held } = deaf();
    await cache.set('k', 'old');
    await store.change(0, { steps: [{ kind: 'remove', key: 'c:cache:k:k' }] }); // as a store that runs out of memory does
    await open().getOrLoad('k', () => 'new');
    await held.hear();
    expect(await cache.get('k')).toBe('new');
  });

  it('lets nobody join a load that a deletion elsewhere made old, once the bound is over', async () => {
    const { cache } = deaf();
    const first = cache.getOrLoad('k', () => new Promise<string>(() => {}));
    first.catch(() => {});
    await settle();
    await open().delete('k');
    clock.advance(1_001);
    expect(await cache.getOrLoad('k', () => 'new')).toBe('new');
  });
});

describe('loads that take turns across processes', () => {
  const options = { lease: '5s' };

  it('run once, and the others get the outcome as soon as it is there', async () => {
    let loads = 0;
    let release: (value: string) => void = () => {};
    const load = () => {
      loads++;
      return new Promise<string>((resolve) => (release = resolve));
    };
    const all = [open(), open(), open()].map((cache) => cache.lookup('k', load, options));
    await settle();
    expect(loads).toBe(1);
    release('value');
    const found = await Promise.all(all);
    expect(found.map(({ value }) => value)).toEqual(['value', 'value', 'value']);
    expect(found.map(({ level }) => level).sort()).toEqual(['loaded', 'store', 'store']);
  });

  it('pass to the next when one fails', async () => {
    const failing = open().getOrLoad(
      'k',
      async () => {
        await settle();
        throw new Error('no database');
      },
      options,
    );
    failing.catch(() => {});
    await Promise.resolve();
    const next = open().lookup('k', () => 'value', options);
    await expect(failing).rejects.toThrow('no database');
    expect(await next).toMatchObject({ value: 'value', level: 'loaded' });
  });

  it('pass to the next when the one whose turn it is takes too long, or is gone', async () => {
    open()
      .getOrLoad('k', () => new Promise<string>(() => {}), options)
      .catch(() => {});
    await settle();
    const next = open().lookup('k', () => 'value', options);
    await settle();
    for (let ms = 0; ms < 5_000; ms += 250) {
      clock.advance(250);
      await settle();
    }
    expect(await next).toEqual({ value: 'value', level: 'loaded', isShared: true });
  });

  it('let a value within its grace stand in, after the soft limit', async () => {
    const cache = open({ ttl: '1s', grace: '60s', soft: '100ms', lease: '5s' });
    await cache.getOrLoad('k', () => 'old');
    clock.advance(1_000);
    cache.getOrLoad('k', () => new Promise<string>(() => {})).catch(() => {});
    await settle();
    const other = open({ ttl: '1s', grace: '60s', soft: '100ms', lease: '5s' }).lookup('k', () => 'new');
    await settle();
    clock.advance(100);
    await settle();
    expect(await other).toEqual({ value: 'old', level: 'stale', isShared: true });
  });

  it('go on without end for nobody: their marks run out', async () => {
    open()
      .getOrLoad('k', () => new Promise<string>(() => {}), { lease: '5s', hard: '2s' })
      .catch(() => {});
    await settle();
    expect(await store.read(0, 'c:cache:k:k')).toMatchObject({ expiresInMs: 7_000 });
  });
});
