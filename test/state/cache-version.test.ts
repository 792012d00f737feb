import { beforeEach, describe, expect, it } from 'vitest';
import { createCache, type Cache, type CacheOptions, type Seen } from '../../src/state/cache/index.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import type { Store } from '../../src/state/store/store.js';
import { createManualClock, type ManualClock } from '../../src/testing/manual-clock.js';
import { heldFeed, type HeldFeedStore } from './held-feed.js';

const KEYS = ['a secret of the tests, 32 characters'];
const BOUND_MS = 1_000;

let clock: ManualClock;
let store: Store;
let first: Process;
let second: Process;

interface Process {
  readonly store: HeldFeedStore;
  readonly cache: Cache;
}

beforeEach(async () => {
  clock = createManualClock();
  store = memoryStore({ clock });
  first = await open();
  second = await open();
});

async function open(options: Partial<CacheOptions> = {}): Promise<Process> {
  const held = heldFeed(store, clock.monotonic);
  const cache = createCache({ store: held, clock, keys: KEYS, jitter: 0, onEvent: () => {}, ...options });
  await held.hear();
  return { store: held, cache };
}

/** One request of a browser: what it brings along, and what it takes with it. */
async function visit<Value>(
  { cache }: Process,
  jar: Map<string, string>,
  handle: (scope: ReturnType<Cache['scope']>) => Promise<Value>,
): Promise<Value> {
  const field = [...jar].map(([cookie, text]) => `${cookie}=${text}`).join('; ');
  const seen = cache.version.read((name) => (name === 'cookie' ? field : undefined));
  const value = await handle(cache.scope('ada', seen));
  for (const header of cache.version.write(seen, true)) {
    const [, name, text, seconds] = /^([^=]+)=([^;]*);.*Max-Age=(\d+)/.exec(header.value)!;
    if (seconds === '0') jar.delete(name!);
    else jar.set(name!, text!);
  }
  return value;
}

describe('a user who is moved', () => {
  it('reads the own write, where others may still get the old value', async () => {
    const jar = new Map<string, string>();
    await second.cache.scope('ada').set('name', 'old');
    await second.store.hear();
    await visit(first, jar, (scope) => scope.set('name', 'new'));
    expect(second.cache.scope('ada').peek('name')).toBe('old');
    expect(await visit(second, jar, (scope) => scope.lookup('name'))).toEqual({
      value: 'new',
      level: 'store',
      isShared: true,
    });
  });

  it('reads nothing older than what was read before', async () => {
    const jar = new Map<string, string>();
    await second.cache.scope('ada').set('name', 'old');
    await first.cache.scope('ada').set('name', 'new');
    expect(await visit(first, jar, (scope) => scope.get('name'))).toBe('new');
    expect(second.cache.scope('ada').peek('name')).toBe('old');
    expect(await visit(second, jar, (scope) => scope.get('name'))).toBe('new');
  });

  it('does not get what was deleted, by key, by tag or with the scope', async () => {
    const deletions: readonly ((scope: ReturnType<Cache['scope']>) => Promise<void>)[] = [
      (scope) => scope.delete('name'),
      (scope) => scope.deleteTag('t'),
      (scope) => scope.clear(),
    ];
    for (const deletion of deletions) {
      const jar = new Map<string, string>();
      await second.cache.scope('ada').set('name', 'old', { tags: ['t'] });
      await visit(first, jar, deletion);
      expect(second.cache.scope('ada').peek('name')).toBe('old');
      expect(await visit(second, jar, (scope) => scope.getOrLoad('name', () => 'loaded'))).toBe('loaded');
      await second.store.hear();
    }
  });

  it('gets copies again as soon as the process has heard of all that the user saw', async () => {
    const jar = new Map<string, string>();
    await second.cache.scope('ada').set('other', 1);
    await visit(first, jar, (scope) => scope.set('name', 'new'));
    expect(await visit(second, jar, (scope) => scope.lookup('other'))).toMatchObject({ level: 'store' });
    await second.store.hear();
    expect(await visit(second, jar, (scope) => scope.lookup('other'))).toMatchObject({ level: 'local' });
  });

  it('gets the own write from the copy in the same process at once', async () => {
    const jar = new Map<string, string>();
    await visit(first, jar, (scope) => scope.set('name', 'new'));
    expect(await visit(first, jar, (scope) => scope.lookup('name'))).toMatchObject({
      value: 'new',
      level: 'local',
    });
  });

  it('does not join a load that began before what was seen', async () => {
    const jar = new Map<string, string>();
    let release = (): void => {};
    const slow = second.cache
      .scope('ada')
      .getOrLoad('name', () => new Promise<string>((resolve) => (release = () => resolve('old'))));
    for (let visit = 0; visit < 20; visit++) await Promise.resolve();
    await visit(first, jar, (scope) => scope.delete('name'));
    expect(await visit(second, jar, (scope) => scope.getOrLoad('name', () => 'new'))).toBe('new');
    release();
    await slow;
    expect(await store.read(0, 'c:cache:u:3:adaname')).toMatchObject({ fields: { e: '1v0.0."new"' } });
  });

  it('is told of changes of another life of the store by the store itself', async () => {
    const jar = new Map<string, string>();
    await visit(first, jar, (scope) => scope.set('name', 'before'));
    const other = memoryStore({ clock });
    const held = heldFeed(other, clock.monotonic);
    await held.hear();
    const cache = createCache({ store: held, clock, keys: KEYS });
    await cache.scope('ada').set('name', 'now');
    expect(await visit({ store: held, cache }, jar, (scope) => scope.lookup('name'))).toEqual({
      value: 'now',
      level: 'store',
      isShared: true,
    });
  });
});

describe('a user with several requests at once', () => {
  it('reads the own write, whichever answer comes last', async () => {
    for (const isWriteLast of [true, false]) {
      const [reading, writing] = [new Map<string, string>(), new Map<string, string>()];
      await second.cache.scope('ada').set('name', 'old');
      await visit(first, reading, (scope) => scope.set('other', 2));
      await visit(first, writing, (scope) => scope.set('name', 'new'));
      const jar = new Map(isWriteLast ? [...reading, ...writing] : [...writing, ...reading]);
      expect(await visit(second, jar, (scope) => scope.get('name'))).toBe('new');
      await second.store.hear();
    }
  });

  it('takes one cookie along once the answers are in', async () => {
    const jar = new Map<string, string>();
    for (let at = 0; at < 5; at++)
      await visit(at % 2 === 0 ? first : second, jar, (scope) => scope.set('name', at));
    expect(jar.size).toBe(1);
  });
});

describe('what a client carries', () => {
  const headersOf = (cache: Cache, seen: Seen, isSecure = true) => cache.version.write(seen, isSecure);

  it('is a cookie for twice the bound, and only when there is something new', async () => {
    const { cache } = first;
    const seen = cache.version.read(() => undefined);
    const scope = cache.scope('ada', seen);
    expect(headersOf(cache, seen)).toEqual([]);
    await scope.get('nothing');
    expect(headersOf(cache, seen)).toEqual([]);
    await scope.set('name', 1);
    expect(headersOf(cache, seen)).toEqual([
      {
        name: 'Set-Cookie',
        value: expect.stringMatching(
          /^seen-[0-9a-f]{8}=1~0\.1\.1jk\.[0-9a-f]{32}~[\w-]{22}; Path=\/; Max-Age=2; HttpOnly; SameSite=Lax; Secure$/,
        ),
      },
    ]);
    expect(headersOf(cache, seen, false)[0]!.value).not.toContain('Secure');
  });

  it('is not sent for copies that everybody has by now', async () => {
    await first.cache.scope('ada').set('name', 1);
    clock.advance(2 * BOUND_MS + 1);
    await first.store.hear();
    const seen = first.cache.version.read(() => undefined);
    expect(first.cache.scope('ada', seen).peek('name')).toBe(1);
    expect(headersOf(first.cache, seen)).toEqual([]);
  });

  it('is a header where the client is told to send one back', async () => {
    const { cache } = await open({ version: { carrier: 'header', name: 'X-Seen-Here' } });
    const seen = cache.version.read(() => undefined);
    await cache.scope('ada', seen).set('name', 1);
    const header = headersOf(cache, seen)[0]!;
    expect(header.name).toBe('x-seen-here');
    const again = cache.version.read((name) =>
      name === 'x-seen-here' ? `${header.value}, nonsense, ${header.value}` : undefined,
    );
    expect(again.versions).toEqual(seen.versions);
  });

  it('counts for nothing when it was forged, cut, signed with another secret or for another cache', async () => {
    const { cache } = first;
    const seen = cache.version.read(() => undefined);
    await cache.scope('ada', seen).set('name', 1);
    const text = /^seen-[^=]+=([^;]+)/.exec(headersOf(cache, seen)[0]!.value)![1]!;
    const read = (reader: Cache, cookie: string) =>
      reader.version.read((name) => (name === 'cookie' ? cookie : undefined)).versions;
    expect(read(cache, `seen-1=${text}`)).toHaveLength(1);
    const bad = [
      text.replace('~0.1.', '~0.2.'),
      text.slice(0, -1),
      `${text}A`,
      text.replace('1~', '2~'),
      '',
      '1',
      '1~',
      '~',
      'x'.repeat(5_000),
      `1~0.zzzzzzzzzzzz.1.r~${text.slice(-22)}`,
      '1~0.1.1.r~😀',
    ];
    for (const forged of bad) expect(read(cache, `seen-1=${forged}`), forged.slice(0, 60)).toEqual([]);
    expect(
      read((await open({ keys: ['another secret of 32 characters ..'] })).cache, `seen-1=${text}`),
    ).toEqual([]);
    expect(read((await open({ name: 'other' })).cache, `seen-1=${text}`)).toEqual([]);
    expect(
      read((await open({ keys: ['another secret of 32 characters ..', ...KEYS] })).cache, `seen-1=${text}`),
    ).toHaveLength(1);
    expect(read(cache, `seen-0=${bad[0]}; seen-1=${text}`)).toHaveLength(1);
  });

  it('stays short: of more partitions than it names, all are read from the store', () => {
    const { cache } = first;
    const seen = cache.version.read(() => undefined);
    for (let partition = 0; partition < 64; partition++)
      seen.raise(partition, 'r'.repeat(64), 1_000_000 + partition);
    const text = headersOf(cache, seen)[0]!.value;
    expect(text.length).toBeLessThan(800);
    const again = cache.version.read((name) => (name === 'cookie' ? text.split(';')[0] : undefined));
    expect(again.versions).toHaveLength(8);
    const reach = { run: 'r'.repeat(64), sequence: 2_000_000 };
    for (const from of [seen, again])
      for (let partition = 0; partition < 64; partition++)
        expect(from.allows(partition, 2_000_000, reach)).toBe(false);
    clock.advance(2 * BOUND_MS);
    for (const from of [seen, again]) expect(from.allows(3, 0, { run: '', sequence: 0 })).toBe(true);
  });

  it('needs keys', () => {
    const { version } = createCache({ store, clock });
    expect(() => version.read(() => undefined)).toThrow(/keys/);
  });
});
