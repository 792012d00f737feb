import { afterAll, expect, test } from 'vitest';
import { memoryStore } from '../store/memory/memory-store.js';
import { createCache, type Cache } from './index.js';

const store = memoryStore();
const cache = createCache({ store });
afterAll(() => cache.close());
const INVALID = { name: 'StickyError', code: 'STICKY_CACHE_INVALID' };

type Loose = { [name in keyof Cache]: any };
const calls: readonly (readonly [string, (of: Loose) => unknown])[] = [
  ...[undefined, null, 5, {}, ['a']].flatMap((key): [string, (of: Loose) => unknown][] => [
    [`get(${String(key)})`, (of) => of.get(key)],
    [`set(${String(key)})`, (of) => of.set(key, 1)],
    [`delete(${String(key)})`, (of) => of.delete(key)],
    [`deleteTag(${String(key)})`, (of) => of.deleteTag(key)],
    [`getOrLoad(${String(key)})`, (of) => of.getOrLoad(key, () => 1)],
  ]),
  ...[undefined, null, 5, 'load', {}].map((load): [string, (of: Loose) => unknown] => [
    `getOrLoad without a load: ${String(load)}`,
    (of) => of.getOrLoad('a', load),
  ]),
  ['a misspelt time of a load', (of) => of.getOrLoad('a', () => 1, { tll: '1m' })],
  ['a misspelt time of a set', (of) => of.set('a', 1, { lease: '1m' })],
  ['options that are none', (of) => of.set('a', 1, 5)],
  ['tags that are one text', (of) => of.set('a', 1, { tags: 'users' })],
  ['tags that are no texts', (of) => of.getOrLoad('a', () => 1, { tags: [5] })],
];

test.each(calls)('%s is told, and nothing is stored', async (_, call) => {
  for (const of of [cache, cache.scope('alice')] as unknown as Loose[]) {
    await expect((async () => await call(of))()).rejects.toMatchObject(INVALID);
    expect(await of.get('a')).toBeUndefined();
  }
});

test('a scope is of a user, and sees what was read of a request', () => {
  for (const user of [undefined, 5, null])
    expect(() => cache.scope(user as never)).toThrow(expect.objectContaining(INVALID));
  for (const seen of [null, {}, 'x'])
    expect(() => cache.scope('a', seen as never)).toThrow(expect.objectContaining(INVALID));
});

test.each([
  { codec: {} },
  { codec: null },
  { version: { carier: 'header' } },
  { name: 5 },
  { jitter: '0.1' },
  { onEvent: 'log' },
])('createCache does not take %j', (options) => {
  expect(() => createCache({ store, ...(options as object) })).toThrow(
    expect.objectContaining({ code: 'STICKY_CONFIG_INVALID' }),
  );
});
