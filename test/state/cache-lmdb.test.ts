import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCache, type Cache } from '../../src/state/cache/index.js';
import { lmdbStore } from '../../src/state/store/lmdb/index.js';
import type { Store } from '../../src/state/store/store.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-cache-'));
const opened: { readonly store: Store; readonly cache: Cache }[] = [];

beforeAll(() => {
  for (let process = 0; process < 2; process++) {
    const store = lmdbStore({ path: folder });
    opened.push({ store, cache: createCache({ store, onEvent: () => {} }) });
  }
});

afterAll(async () => {
  for (const { store, cache } of opened) {
    cache.close();
    await store.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

it('two processes of one machine share a cache in a file, and hear of each other', async () => {
  const [{ cache: first }, { cache: second }] = opened as [(typeof opened)[0], (typeof opened)[0]];
  expect(await first.getOrLoad('k', () => ({ n: 1 }), { tags: ['t'] })).toEqual({ n: 1 });
  expect(await second.lookup('k')).toEqual({ value: { n: 1 }, level: 'store', isShared: true });
  await until('a copy', () => second.peek('k') !== undefined);
  await first.set('k', { n: 2 }, { tags: ['t'] });
  await until('word of the write', () => second.peek('k') === undefined);
  expect(await second.get('k')).toEqual({ n: 2 });
  await second.deleteTag('t');
  await until('word of the deletion', () => first.peek('k') === undefined);
  expect(await first.get('k')).toBeUndefined();
});
