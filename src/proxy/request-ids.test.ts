import { expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { RequestIds } from './request-ids.js';

it('ids of requests are 32 hexadecimal digits, count up, and never repeat', () => {
  const ids = new RequestIds(seededRandom(1));
  const all = Array.from({ length: 10_000 }, () => ids.of(undefined));
  expect(all.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
  expect(new Set(all.map((id) => id.slice(0, 16))).size).toBe(1);
  expect(all.map((id) => parseInt(id.slice(16), 16))).toEqual(all.map((_, at) => at));
});
