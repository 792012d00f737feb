import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.js';

test('never holds more than its bound', () => {
  const map = new BoundedMap<number, string>(10);
  for (let key = 0; key < 1000; key++) {
    map.set(key, `${key}`);
    expect(map.size).toBeLessThanOrEqual(10);
    expect(map.get(key)).toBe(`${key}`);
  }
});

test('keeps what is used and lets the rest go', () => {
  const map = new BoundedMap<number, string>(10);
  map.set(-1, 'used');
  for (let key = 0; key < 1000; key++) {
    map.set(key, 'new');
    if (key % 3 === 0) expect(map.get(-1)).toBe('used');
  }
  expect(map.get(1)).toBeUndefined();
});

test('an entry set, deleted or cleared is so in both generations', () => {
  const map = new BoundedMap<number, string>(4);
  for (const key of [1, 2, 3]) map.set(key, 'old');
  map.set(1, 'new');
  expect([map.get(1), map.get(2), map.get(3)]).toEqual(['new', 'old', 'old']);
  map.delete(1);
  expect(map.get(1)).toBeUndefined();
  map.clear();
  expect([map.size, map.get(3)]).toEqual([0, undefined]);
});

test('a hit in the old generation is stored under the value’s own key, not the one asked with', () => {
  const asked: string[] = [];
  const map = new BoundedMap<string, { own: string }>(2, (value) => {
    asked.push(value.own);
    return value.own;
  });
  map.set('a', { own: 'a' });
  map.set('b', { own: 'b' });
  expect([map.get('b'), asked]).toEqual([{ own: 'b' }, []]);
  expect([map.get('a'), asked]).toEqual([{ own: 'a' }, ['a']]);
});
