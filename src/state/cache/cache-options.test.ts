import { describe, expect, it } from 'vitest';
import { memoryStore } from '../store/memory/memory-store.js';
import { createCache, type CacheOptions } from './index.js';

describe('the options of a cache', () => {
  it('are told apart from mistakes, with what to write instead', async () => {
    const store = memoryStore();
    const wrong: readonly (readonly [Partial<CacheOptions> | { readonly store: unknown }, RegExp])[] = [
      [{ store: undefined }, /`store` is missing/],
      [{ name: 'Mine' }, /`name` must be/],
      [{ ttl: '5 minutes' }, /`ttl` is not a duration.*30s/],
      [{ ttl: 0 }, /`ttl` is 0 ms/],
      [{ grace: '31d' }, /`grace` is/],
      [{ bound: '1ms' }, /`bound` is 1 ms/],
      [{ max: 0 }, /`max` must be/],
      [{ bytesMax: 1.5 }, /`bytesMax` must be/],
      [{ valueBytesMax: -1 }, /`valueBytesMax` must be/],
      [{ jitter: 1 }, /`jitter` must be/],
      [{ onStoreDown: 'stale' as never }, /`onStoreDown`/],
      [{ keys: ['short'] }, /at least 32/],
      [{ keys: [undefined as never] }, /Is the environment variable set/],
      [{ tll: '5m' } as never, /createCache can't have tll. It may have: store, /],
      [{ version: { carrier: 'query' as never } }, /`version.carrier`/],
      [{ version: { name: 'a b' } }, /`version.name`/],
      [{ version: { path: 'x' } }, /`version.path`/],
    ];
    for (const [options, message] of wrong) {
      expect(() => createCache({ store, ...options } as CacheOptions), JSON.stringify(options)).toThrow(
        message,
      );
      expect(() => createCache({ store, ...options } as CacheOptions)).toThrow(
        expect.objectContaining({ code: 'STICKY_CONFIG_INVALID' }),
      );
    }
    await store.close();
  });

  it('of a call are checked as well, and so are keys and tags', async () => {
    const store = memoryStore();
    const cache = createCache({ store });
    await expect(cache.getOrLoad('k', () => 1, { ttl: 'soon' })).rejects.toMatchObject({
      code: 'STICKY_CONFIG_INVALID',
    });
    await expect(cache.set('k', 1, { grace: -1 })).rejects.toMatchObject({ code: 'STICKY_CONFIG_INVALID' });
    await expect(
      cache.lookup('k', () => 1, { tags: Array.from({ length: 65 }, () => 't') }),
    ).rejects.toMatchObject({ code: 'STICKY_CACHE_INVALID' });
    await expect(cache.scope('u').getOrLoad('k', () => 1, { tags: [1 as never] })).rejects.toMatchObject({
      code: 'STICKY_CACHE_INVALID',
    });
    for (const id of [4, undefined, null]) expect(() => cache.scope(id as never)).toThrow(/String\(id\)/);
    await expect(cache.scope('u').get(1 as never)).rejects.toMatchObject({ code: 'STICKY_CACHE_INVALID' });
    expect(() => cache.get(1 as never)).toThrow(expect.objectContaining({ code: 'STICKY_CACHE_INVALID' }));
    await store.close();
  });
});
