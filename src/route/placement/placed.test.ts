import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { maglev, type Placed, rendezvous, ring } from './placed.js';
import { SlotTable } from './slot-table.js';

const doors: [string, (members: Parameters<typeof rendezvous>[0]) => Placed][] = [
  ['rendezvous', (members) => rendezvous(members, { slots: 2 ** 14 })],
  ['ring', (members) => ring(members, { points: 200 })],
  ['maglev', (members) => maglev(members, { tableSize: 10_007 })],
];

describe.each(doors)('stickyroute/placement: %s', (_name, door) => {
  const keys = Array.from({ length: 2000 }, (_, i) => `user:${i}`);

  it('takes plain ids and ids with weights', () => {
    const placed = door(['a', { id: 'b' }, { id: 'c', weight: 2 }]);
    expect(placed.members).toEqual([
      { id: 'a', weight: 1 },
      { id: 'b', weight: 1 },
      { id: 'c', weight: 2 },
    ]);
  });

  it('gives the upstream of a key and its backups, best first, each once', () => {
    const placed = door(['a', 'b', 'c', 'd']);
    for (const key of keys.slice(0, 50)) {
      const ids = placed.candidates(key);
      expect(ids[0]).toBe(placed.get(key));
      expect([...ids].sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(placed.candidates(key, 2)).toEqual(ids.slice(0, 2));
    }
  });

  it('has no upstream for any key while it is empty, and one after the first is added', () => {
    const empty = door([]);
    expect(empty.get('user:1')).toBeUndefined();
    expect(empty.candidates('user:1')).toEqual([]);
    expect(empty.add('a').get('user:1')).toBe('a');
    expect(empty.add('a').remove('a').get('user:1')).toBeUndefined();
  });

  it('hashes a text and its UTF-8 bytes alike', () => {
    const placed = door(Array.from({ length: 50 }, (_, i) => `api-${i}`));
    for (const key of [
      '',
      'user:1',
      'żółw',
      'a longer text with one ü in it',
      '🐢'.repeat(9),
      '\u0080',
      'ÿ'.repeat(20),
    ]) {
      expect(placed.candidates(Buffer.from(key, 'utf8'), 5)).toEqual(placed.candidates(key, 5));
      const view = new Uint8Array(Buffer.from(`..${key}..`)).subarray(2, 2 + Buffer.byteLength(key));
      expect(placed.get(view)).toBe(placed.get(key));
    }
  });

  it('is left as it was by add and remove', () => {
    const placed = door(['a', 'b', 'c']);
    const before = keys.map((key) => placed.get(key));
    placed.add('d');
    placed.remove('a');
    expect(keys.map((key) => placed.get(key))).toEqual(before);
    expect(placed.members.length).toBe(3);
  });

  it('comes back to the same answers when an upstream leaves and returns', () => {
    const placed = door(['a', 'b', 'c']);
    const returned = placed.remove('b').add('b');
    for (const key of keys) expect(returned.candidates(key)).toEqual(placed.candidates(key));
  });

  it('passes over those that can not be used, and moves nobody else', () => {
    const placed = door(['a', 'b', 'c', 'd']);
    const some = placed.among((id) => id !== 'b' && id !== 'c');
    for (const key of keys.slice(0, 200)) {
      const left = placed.candidates(key).filter((id) => id === 'a' || id === 'd');
      expect([some.get(key), some.candidates(key), some.candidates(key, 1)]).toEqual([
        left[0],
        left,
        left.slice(0, 1),
      ]);
    }
    expect(some.add('e').candidates('user:1').length).toBe(5);
    expect(placed.among(() => false).get('user:1')).toBeUndefined();
  });

  it('says what is wrong with its members', () => {
    const code = 'STICKY_PLACEMENT_INVALID';
    const refuses = (make: () => unknown, message: string) =>
      expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
    refuses(() => door(['a', 'a']), 'Two upstreams have the id "a"');
    refuses(() => door(['a']).add('a'), 'Two upstreams have the id "a"');
    for (const weight of [0, -1, NaN, Infinity])
      refuses(() => door([{ id: 'a', weight }]), `Upstream "a" has the weight ${weight}`);
    refuses(() => door(['a', '']), 'has no id');
    refuses(() => door(['a']).remove('b'), 'There is no upstream "b" to remove');
    refuses(
      () => door(Array.from({ length: 4097 }, (_, i) => `${i}`)),
      'at most 4096 upstreams and was given 4097',
    );
  });
});

it('the library door and the gateway place a key alike', () => {
  const members = [
    { id: 'a', weight: 1 },
    { id: 'b', weight: 3 },
  ];
  const door = rendezvous(members, { slots: 1024 });
  const inside = new SlotTable(members, 1024);
  for (let i = 0; i < 500; i++) expect(door.get(`user:${i}`)).toBe(members[inside.owner(`user:${i}`)]!.id);
});

it('the door pulls in no file that needs a package', () => {
  const seen = new Set<string>();
  const visit = (url: URL): void => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const text = readFileSync(fileURLToPath(url), 'utf8');
    for (const [, from] of text.matchAll(/^(?:import|export)(?! type)[^;]*? from '([^']+)'/gm)) {
      expect(from, `imported by ${url.pathname}`).toMatch(/^\.|^node:/);
      visit(new URL(from!.replace(/\.js$/, '.ts'), url));
    }
  };
  visit(new URL('./index.ts', import.meta.url));
  expect(seen.size).toBeGreaterThan(5);
});
