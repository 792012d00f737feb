import { randomUUID } from 'node:crypto';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { Cacheable } from 'cacheable';
import { Keyv } from 'keyv';
import { createCache, type Cache, type Seen } from '../../../src/state/cache/index.js';
import type { CoherenceSubject, CoherentCache, GroundMember, UserVisit } from '../../../src/testing/index.js';

const BOUND_MS = 200;
const KEYS = ['a secret of the tests, 32 characters'];

type BusDriver = ReturnType<Parameters<ReturnType<typeof bentostore>['useBus']>[0]['factory']>;
type SecondTier = ReturnType<Parameters<ReturnType<typeof bentostore>['useL2Layer']>[0]['factory']>;

export const stickyroute: CoherenceSubject = {
  boundMs: BOUND_MS,
  open({ store, clock }) {
    const cache = createCache({ store, clock, ttl: '1h', bound: BOUND_MS, keys: KEYS, onEvent: () => {} });
    return {
      get: (key) => cache.get<string>(key),
      getOrLoad: (key, load, tags) => cache.getOrLoad(key, load, { tags }),
      set: (key, value) => cache.set(key, value),
      delete: (key) => cache.delete(key),
      deleteTag: (tag) => cache.deleteTag(tag),
      visit: (user, carried) =>
        visitOf(
          cache,
          user,
          cache.version.read((name) => (name === 'cookie' ? carried : undefined)),
        ),
      close: () => cache.close(),
    };
  },
};

function visitOf(cache: Cache, user: string, seen: Seen): UserVisit {
  const scope = cache.scope(user, seen);
  return {
    get: (key) => scope.get<string>(key),
    set: (key, value) => scope.set(key, value),
    carry: () => cache.version.write(seen, true)[0]?.value.split(';')[0],
  };
}

/**
 * As its documentation sets it up, with a second tier and a bus. Without limits on loads and without its
 * retries, which would only take time.
 */
export const bentocache: CoherenceSubject = {
  boundMs: BOUND_MS,
  open(member) {
    const store = bentostore()
      .useL1Layer(memoryDriver({ maxItems: 100 }))
      .useL2Layer({ options: {}, factory: () => bentocacheTier(member) })
      .useBus({ options: {}, factory: () => bentocacheBus(member) });
    const bento = new BentoCache({ default: 'both', ttl: '1h', stores: { both: store } });
    return {
      get: (key) => bento.get<string>({ key }),
      getOrLoad: (key, load, tags) =>
        bento.getOrSet({ key, factory: load, ...(tags === undefined ? {} : { tags: [...tags] }) }),
      set: async (key, value) => void (await bento.set({ key, value })),
      delete: async (key) => void (await bento.delete({ key })),
      deleteTag: async (tag) => void (await bento.deleteByTag({ tags: [tag] })),
      close: () => bento.disconnectAll(),
    };
  },
};

function bentocacheTier({ storage }: GroundMember): SecondTier {
  const tier = {
    type: 'l2' as const,
    namespace: () => tier,
    get: (key: string) => storage.get(key),
    pull: async (key: string) => {
      const text = await storage.get(key);
      await storage.delete(key);
      return text;
    },
    set: async (key: string, text: string, ttl?: number) => {
      await storage.set(key, text, ttl);
      return true;
    },
    clear: async () => {},
    delete: async (key: string) => {
      await storage.delete(key);
      return true;
    },
    deleteMany: async (keys: string[]) => {
      for (const key of keys) await storage.delete(key);
      return true;
    },
    disconnect: async () => {},
  };
  return tier;
}

function bentocacheBus({ bus }: GroundMember): BusDriver {
  let id = '';
  const driver = {
    setId: (given: string) => {
      id = given;
      return driver;
    },
    onReconnect: () => {},
    publish: (channel: string, payload: unknown) => bus.publish({ channel, payload, busId: id }),
    subscribe: async (channel: string, handler: (payload: never) => void) =>
      bus.listen((message) => {
        const heard = message as { readonly channel: string; readonly payload: never };
        if (heard.channel === channel) handler(heard.payload);
      }),
    unsubscribe: async () => {},
    disconnect: async () => {},
  };
  return driver as unknown as BusDriver;
}

/** As its documentation sets it up, with a secondary store and `sync`. */
export const cacheable: CoherenceSubject = {
  boundMs: BOUND_MS,
  open({ storage, bus }): CoherentCache {
    const keyv = new Keyv({
      store: {
        opts: {},
        get: (key: string) => storage.get(key),
        set: (key: string, text: string, ttl?: number) => storage.set(key, text, ttl),
        delete: async (key: string) => {
          await storage.delete(key);
          return true;
        },
        clear: async () => {},
        on: () => {},
      } as never,
    });
    const subscriptions = new Map<string, never[]>();
    const provider = {
      id: randomUUID(),
      subscriptions,
      publish: (topic: string, message: object) => bus.publish({ topic, message }),
      subscribe: async (topic: string, { handler }: { handler: (message: never) => Promise<void> }) =>
        bus.listen((heard) => {
          const { topic: told, message } = heard as { readonly topic: string; readonly message: never };
          if (told === topic) void handler(message);
        }),
      unsubscribe: async () => {},
      disconnect: async () => {},
    };
    const cache = new Cacheable({
      secondary: keyv,
      ttl: '1h',
      tags: true,
      sync: { qified: provider as never },
    });
    return {
      get: (key) => cache.get<string>(key),
      getOrLoad: async (key, load, tags) => {
        if (tags === undefined) return (await cache.getOrSet(key, load, { throwErrors: true })) as string;
        // Tags can't be given to getOrSet: its documentation reads, loads and sets.
        const known = await cache.get<string>(key);
        if (known !== undefined) return known;
        const loaded = await load();
        await cache.set(key, loaded, { tags: [...tags] });
        return loaded;
      },
      set: async (key, value) => void (await cache.set(key, value)),
      delete: async (key) => void (await cache.delete(key)),
      deleteTag: async (tag) => void (await cache.tags.invalidateTag(tag)),
      close: () => cache.disconnect(),
    };
  },
};
