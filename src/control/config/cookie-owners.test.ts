import { expect, it } from 'vitest';
import { CookieOwners } from './cookie-owners.js';
import { seededRandom } from '../../testing/seeded-random.js';

const HOSTS = ['a.org', 'b.org', 'x.a.org', 'y.x.a.org', '*.a.org', '*.x.a.org', '*.org', 'aa.org'];

function meet(one: readonly string[], other: readonly string[]): boolean {
  const covers = (pattern: string, host: string): boolean =>
    pattern === host || (pattern.startsWith('*') && host.endsWith(pattern.slice(1)));
  if (one.length === 0 || other.length === 0) return true;
  return one.some((a) => other.some((b) => covers(a, b) || covers(b, a)));
}

it('finds the earliest owner that a request could reach too, as a look at all of them would', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 300; round++) {
    const owners = new CookieOwners<number>();
    const all: { readonly hosts: readonly string[]; readonly isEverywhere: boolean }[] = [];
    for (let index = 0; index < 8; index++) {
      const hosts = HOSTS.filter(() => random.below(5) === 0);
      const expected = all.findIndex((earlier) => earlier.isEverywhere || meet(earlier.hosts, hosts));
      expect(owners.meeting(hosts)).toBe(expected === -1 ? undefined : expected);
      const isEverywhere = random.below(10) === 0;
      all.push({ hosts, isEverywhere });
      owners.add(index, hosts, isEverywhere);
    }
  }
});
