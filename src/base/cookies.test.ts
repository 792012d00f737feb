import { expect, test } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { cookieValues, parseCookies } from './cookies.js';

test('the values of one name are those that the whole field has for it', () => {
  const seed = 7;
  const random = seededRandom(seed);
  const parts = ['sid', 'si', 'sidd', 'a', '=', '=', ';', ';', ' ', '\t', '"', 'x', '\u00a0', 'SID'];
  for (let round = 0; round < 20_000; round++) {
    const field = Array.from({ length: random.below(16) }, () => parts[random.below(parts.length)]!).join('');
    for (const name of ['sid', 'a'])
      expect(cookieValues(field, name), `seed ${seed}: ${JSON.stringify(field)}`).toEqual(
        parseCookies(field).get(name) ?? [],
      );
  }
  const many = 'b=1;'.repeat(255);
  for (const field of [`${many}sid=1`, `${many}b=1;sid=1`, undefined])
    expect(cookieValues(field, 'sid')).toEqual(parseCookies(field).get('sid') ?? []);
});
