import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StickyError } from '../../src/base/errors.js';
import { createCache } from '../../src/state/cache/index.js';
import { createSessions } from '../../src/state/session/index.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createTokens, type TokenEvent } from '../../src/state/token/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { storeWith } from '../support/store-with.js';

let warned = vi.spyOn(process, 'emitWarning');
beforeEach(() => {
  warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(() => warned.mockRestore());

const warnings = (): unknown[] =>
  warned.mock.calls.map((call) => (call as unknown as [string, { code: string }])[1].code);
const isDown = () => Promise.reject(new StickyError('STICKY_STORE_DOWN', 'the store is away'));
const KEYS = [{ id: '1', alg: 'HS256', secret: 'a shared secret of at least 32 bytes' }] as const;
const RISES = ['throws', 'rejects'] as const;
const listener = (rise: (typeof RISES)[number]) => (): never =>
  rise === 'throws'
    ? (() => {
        throw new Error("the app's listener");
      })()
    : (Promise.reject(new Error("the app's listener")) as never);

describe.each(RISES)('an onEvent that %s', (rise) => {
  const onEvent = listener(rise);

  test('freezes no entry of a cache whose load fails, and is reported once', async () => {
    const clock = createManualClock();
    const cache = createCache({
      store: memoryStore({ clock }),
      clock,
      ttl: '1s',
      grace: '1h',
      jitter: 0,
      onEvent,
    });
    await cache.set('a', 'old');
    for (let round = 0; round < 3; round++) {
      clock.advance(2_000);
      const failing = cache.getOrLoad('a', () => Promise.reject(new Error('no')));
      expect(await failing, `round ${round}`).toBe('old');
      await new Promise((resolve) => setImmediate(resolve));
    }
    clock.advance(2_000);
    expect(await cache.getOrLoad('a', () => 'new')).toBe('new');
    expect(await cache.get('a')).toBe('new');
    expect(warnings()).toEqual(['STICKY_CALLBACK_FAILED']);
    cache.close();
  });

  test('changes nothing of what a cache answers while its store is down', async () => {
    const clock = createManualClock();
    const store = storeWith(memoryStore({ clock }), { read: isDown, change: isDown });
    const cache = createCache({ store, clock, onEvent });
    for (let round = 0; round < 3; round++)
      expect(await cache.getOrLoad(`key ${round}`, () => round)).toBe(round);
    await expect(cache.get('x')).rejects.toThrow('the store is away');
    await expect(cache.set('x', 1)).rejects.toThrow('the store is away');
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings()).toEqual(['STICKY_CALLBACK_FAILED']);
    cache.close();
  });

  test('stops no token from being read anew after its store was down, and no family from ending', async () => {
    const clock = createManualClock();
    const base = memoryStore({ clock });
    let isAway = true;
    const store = storeWith(base, { list: (...all) => (isAway ? isDown() : base.list(...all)) });
    const options = {
      keys: KEYS,
      issuer: 'i',
      audience: 'a',
      clock,
      refresh: {},
      onUncertain: 'reject',
    } as const;
    const tokens = createTokens({ ...options, store, onEvent });
    const { accessToken, refreshToken } = await tokens.issue({ sub: 'alice' });
    await expect(tokens.verify(accessToken)).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
    isAway = false;
    clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
    expect((await tokens.verify(accessToken)).sub).toBe('alice');
    await tokens.refresh(refreshToken!);
    clock.advance(60_000);
    await expect(tokens.refresh(refreshToken!)).rejects.toMatchObject({ code: 'STICKY_TOKEN_REVOKED' });
    expect(warnings()).toEqual(['STICKY_CALLBACK_FAILED']);
    tokens.close();
  });

  test('lets a request go on without its session', async () => {
    const store = storeWith(memoryStore(), { read: isDown });
    const sessions = createSessions({ store, onStoreDown: 'anonymous', onEvent });
    const visit = sessions.visit({ cookie: `sid=A${'0'.repeat(32)}`, isSecure: false });
    await visit.load();
    expect(await visit.commit()).toMatchObject({ setCookie: undefined });
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings().filter((code) => code === 'STICKY_CALLBACK_FAILED').length).toBeLessThanOrEqual(1);
  });
});

test('that the store is down hides no stolen token: each kind of event is a warning of its own', async () => {
  const clock = createManualClock();
  const base = memoryStore({ clock });
  const store = storeWith(base, { list: isDown });
  const tokens = createTokens({ keys: KEYS, issuer: 'i', audience: 'a', clock, refresh: {}, store });
  const { refreshToken } = await tokens.issue({ sub: 'alice' });
  await tokens.refresh(refreshToken!);
  clock.advance(60_000);
  await expect(tokens.refresh(refreshToken!)).rejects.toMatchObject({ code: 'STICKY_TOKEN_REVOKED' });
  expect(new Set(warnings())).toEqual(new Set(['STICKY_STORE_DOWN', 'STICKY_TOKEN_REVOKED']));
  tokens.close();
});

test('a codec that can not read what it wrote keeps nothing, and holds no lease', async () => {
  const clock = createManualClock();
  let isBroken = true;
  const codec = {
    encode: (value: unknown) => JSON.stringify(value),
    decode: (text: string): unknown => {
      if (isBroken) throw new Error('of the codec');
      return JSON.parse(text);
    },
  };
  const cache = createCache({ store: memoryStore({ clock }), clock, codec, lease: '1m' });
  const INVALID = { code: 'STICKY_CACHE_INVALID' };
  await expect(cache.set('a', 1)).rejects.toMatchObject(INVALID);
  await expect(cache.getOrLoad('b', () => 1)).rejects.toMatchObject(INVALID);
  isBroken = false;
  expect(await cache.get('a')).toBeUndefined();
  expect(await cache.getOrLoad('b', () => 2)).toBe(2);
  cache.close();
});

describe('a change that loses every race', () => {
  const contended = { name: 'StickyError', code: 'STICKY_CONTENDED', status: 503 };

  test('of tokens is contention, and no outage', async () => {
    const clock = createManualClock();
    const events: TokenEvent[] = [];
    const store = storeWith(memoryStore({ clock }), { change: async () => ({ done: false, failed: 0 }) });
    const tokens = createTokens({
      ...{ keys: KEYS, issuer: 'i', audience: 'a', clock, refresh: {}, store },
      onEvent: (event) => events.push(event),
    });
    await expect(tokens.revokeUser('alice')).rejects.toMatchObject(contended);
    await expect(tokens.issue({ sub: 'alice' })).rejects.toMatchObject(contended);
    expect(events).toEqual([]);
    tokens.close();
  });

  test.each(['fail', 'anonymous'] as const)(
    'of a session is told to the app, with onStoreDown: %s, and nothing is dropped in silence',
    async (onStoreDown) => {
      const events: string[] = [];
      const base = memoryStore();
      let isBusy = false;
      const store = storeWith(base, {
        change: (...all) => (isBusy ? Promise.resolve({ done: false, failed: 1 }) : base.change(...all)),
      });
      const sessions = createSessions<{ cart: number }>({
        store,
        onStoreDown,
        onEvent: ({ type }) => events.push(type),
      });
      const first = sessions.visit({ cookie: undefined, isSecure: false });
      first.session.set('cart', 1);
      const cookie = /^[^;]+/.exec((await first.commit()).setCookie!)![0];
      for (const act of ['write', 'renew'] as const) {
        const visit = sessions.visit({ cookie, isSecure: false });
        await visit.load();
        isBusy = true;
        if (act === 'write') {
          visit.session.set('cart', 2);
          await expect(visit.commit()).rejects.toMatchObject(contended);
        } else await expect(visit.session.regenerate()).rejects.toMatchObject(contended);
        isBusy = false;
      }
      expect(events).toEqual([]);
    },
  );
});
