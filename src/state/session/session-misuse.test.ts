import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../store/memory/memory-store.js';
import { createSessions } from './sessions.js';
import type { Session } from './session.js';

interface Fields {
  [field: string]: unknown;
}

const sessions = createSessions<Fields>({ store: memoryStore(), onEvent: () => {} });
const open = (): Session<Fields> => sessions.visit({ cookie: undefined, isSecure: false }).session;
const refused = (message: string) =>
  expect.objectContaining({ code: 'STICKY_SESSION_INVALID', message: expect.stringContaining(message) });

class Point {
  x = 1;
}
const circle: { self?: unknown } = {};
circle.self = circle;
const deep = (levels: number): unknown => (levels === 0 ? 1 : { in: deep(levels - 1) });

describe('what a session cannot hold is refused, with the name of the field', () => {
  it.each<[string, unknown, string]>([
    ['a Map', new Map([[1, 2]]), 'Object.fromEntries'],
    ['a Set', new Set([1]), '[...set]'],
    ['NaN', Number.NaN, 'NaN'],
    ['an endless number', -Infinity, '-Infinity'],
    ['a Date', new Date(0), 'toISOString'],
    ['a BigInt', 1n, 'String(value)'],
    ['a function', () => {}, 'function'],
    ['a symbol', Symbol('a'), 'symbol'],
    ['an object of a class', new Point(), 'a Point'],
    ['a promise', Promise.resolve(1), 'Await it'],
    ['bytes', new Uint8Array(2), 'Uint8Array'],
    ['an error', new Error('secret'), 'a Error'],
    ['a boxed number', Object(1), 'a Number'],
    ['a pattern', /a/, 'a RegExp'],
    ['a circle', circle, 'refers to itself'],
    ['what is nested without end', deep(300), 'nested'],
  ])('%s', async (_, value, message) => {
    const session = open();
    for (const [within, place] of [
      [value, 'cart '],
      [{ list: [1, value] }, 'cart.list[1] '],
    ]) {
      expect(() => session.set('cart', within)).toThrow(refused('"cart"'));
      expect(() => session.set('cart', within)).toThrow(refused(message));
      if (!message.startsWith('nested') && !message.startsWith('refers'))
        expect(() => session.set('cart', within)).toThrow(refused(place as string));
      await expect(session.update('cart', () => within)).rejects.toEqual(refused('"cart"'));
      await expect(session.login('ada', { device: within })).rejects.toEqual(refused('"device"'));
    }
    expect(session.get('cart')).toBe(undefined);
  });

  it('a hole in a list; but not a property that is undefined', () => {
    expect(() => open().set('cart', [1, undefined])).toThrow(refused('cart[1] is undefined'));
    expect(() => open().set('cart', [1, , 2])).toThrow(refused('cart[1] is undefined'));
    expect(
      open()
        .set('cart', { a: undefined, b: null, c: [[]] })
        .get('cart'),
    ).toEqual({ b: null, c: [[]] });
    expect(
      open()
        .set('cart', Object.assign(Object.create(null), { a: 1 }))
        .get('cart'),
    ).toEqual({ a: 1 });
  });

  it('what an async function of `update` promises', async () => {
    const failing = async (): Promise<never> => Promise.reject(new Error('nobody must miss this'));
    await expect(open().update('count', async () => 1)).rejects.toEqual(refused('"count"'));
    await expect(open().update('count', failing)).rejects.toEqual(refused('"count"'));
    expect(() => open().update('count', 1 as never)).toThrow(refused('takes a function'));
  });
});

describe('what would do nothing throws, also in sloppy mode', () => {
  // Functions made so are sloppy, as most of an Express app in CommonJS is.
  const sloppy = (body: string) => Function('session', body) as (session: unknown) => void;

  it.each<[string, string]>([
    ['session.cart = [1]', "session.set('cart', value)"],
    ["session['a b'] = 1", "session.set('a b', value)"],
    ['session.user = { id: 1 }', 'await session.login(userId)'],
    ["session.userId = 'ada'", 'await session.login(userId)'],
    ['session.cookie = {}', '`idle`, `absolute`'],
    ['session.get = 1', "session.set('get'"],
    ['Object.assign(session, { cart: 1 })', "session.set('cart'"],
  ])('%s', (code, message) => {
    expect(() => sloppy(code)(open())).toThrow(refused(message));
    expect(() => sloppy(`'use strict'; ${code}`)(open())).toThrow(refused(message));
  });

  it.each(['if (!session.user) return 401', 'return session.user.id', 'return { ...session.user }'])(
    '%s, of apps of express-session: whatever it gave would let in everybody or nobody',
    async (code) => {
      const session = open();
      for (const body of [code, `'use strict'; ${code}`]) {
        expect(() => sloppy(body)(session)).toThrow(refused('if (session.userId === undefined)'));
      }
      await session.login('ada');
      expect(() => sloppy(code)(session)).toThrow(refused("session.get('user')"));
      expect(session.userId).toBe('ada');
      expect(session.set('user', { id: 1 }).get('user')).toEqual({ id: 1 });
    },
  );

  it('and what looks at a session as a whole trips over nothing', () => {
    const session = open();
    expect(JSON.stringify(session)).toBe('{}');
    expect({ ...session }).toEqual({});
    expect(inspect(session, { getters: true })).toContain('Session');
    const names: string[] = [];
    for (const name in session) names.push(name);
    expect(names).toEqual([]);
  });

  it('and reading what is not there gives nothing, as ever', () => {
    const session = open() as unknown as { cart?: unknown };
    expect(session.cart).toBe(undefined);
    expect('cart' in session).toBe(false);
    expect(String(session)).toBe('[object Object]');
  });
});

describe('misspelt calls', () => {
  it.each<[string, () => unknown, string]>([
    ['login', () => open().login('ada', { devise: 1 } as never), 'Did you mean device?'],
    ['login with a number', () => open().login(1 as never), 'Turn a number into text'],
    ['destroy', async () => open().destroy({ everywhere: true } as never), 'await session.destroy()'],
    ['save', async () => open().save(1 as never), 'await session.save()'],
    ['endAll', () => sessions.endAll('ada', { exept: open() } as never), 'Did you mean except?'],
    ['endAll except a number', () => sessions.endAll('ada', { except: 1 } as never), 'request.session'],
    ['ofUser', () => sessions.ofUser(7 as never), 'Turn a number into text'],
  ])('%s', async (_, call, message) => {
    await expect((async () => call())()).rejects.toEqual(refused(message));
  });
});

describe('callbacks, as express-session has them', () => {
  it.each(['regenerate', 'save', 'destroy', 'reload'] as const)('%s calls back', async (name) => {
    const session = open();
    session.set('a', 1);
    await new Promise<void>((resolve, reject) => {
      const returned = session.save((error) => {
        if (error !== undefined) reject(error as Error);
        expect(session[name]((failed) => (failed === undefined ? resolve() : reject(failed as Error)))).toBe(
          session,
        );
      });
      expect(returned).toBe(session);
    });
    expect(session.touch()).toBe(session);
  });

  it('are told of a failure', async () => {
    const broken = memoryStore();
    Object.assign(broken, { change: () => Promise.reject(new Error('broken')) });
    const { session } = createSessions<Fields>({ store: broken }).visit({
      cookie: undefined,
      isSecure: false,
    });
    session.set('a', 1);
    await expect(
      new Promise((resolve, reject) =>
        session.save((error) => (error === undefined ? resolve(1) : reject(error as Error))),
      ),
    ).rejects.toThrow('broken');
  });

  it('reload forgets what was set and reads what others stored', async () => {
    const session = open();
    await session.set('a', 1).save();
    session.set('a', 2);
    await session.reload();
    expect(session.get('a')).toBe(1);
  });
});
