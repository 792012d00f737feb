import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fnv1a64Twemproxy } from '../../src/route/hash/fnv1a.js';
import { md5 } from '../../src/route/hash/md5.js';
import { ketamaMd5 } from '../../src/route/placement/ketama-md5.js';
import type { Member, Placement } from '../../src/route/placement/placement.js';
import vectors from './golden/ketama-md5.json' with { type: 'json' };

const membersOf = (servers: readonly (readonly (string | number)[])[]): Member[] =>
  servers.map(([id, weight]) => ({ id: String(id), weight: Number(weight) }));
const numbered = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) => ({ id: `127.0.0.1:${10_000 + i}`, weight: 1 }));
const create = (members: readonly Member[], options: object): Placement =>
  ketamaMd5.create(members, ketamaMd5.options.parse(options));

function words(text: string): number[] {
  const digest = new Int32Array(4);
  md5(text, digest);
  return Array.from(digest, (word) => word >>> 0);
}

describe('ketamaMd5 agrees with what libketama publishes', () => {
  it('on a million keys over weighted servers', () => {
    const { servers, keys, md5: published } = vectors.libketama;
    const members = membersOf(servers);
    const placement = create(members, { spelling: 'libketama' });
    // ketama_test.c prints points too. They are made here anew, as plainly as can be; that they are right is
    // what the published MD5 says.
    const total = servers.reduce((sum, [, memory]) => sum + Number(memory), 0);
    const points = servers.flatMap(([name, memory], index) => {
      const count = Math.floor(Math.fround(Math.fround(Number(memory) / total) * 40 * servers.length));
      return Array.from({ length: count }, (_, k) =>
        words(`${name!}-${k}`).map((point) => ({ point, index })),
      ).flat();
    });
    points.sort((one, other) => one.point - other.point);
    const printed = createHash('md5').update('\n');
    let differences = 0;
    let lines = '';
    for (let i = 0; i < keys; i++) {
      const hash = words(String(i))[0]!;
      let low = 0;
      for (let high = points.length; low < high;) {
        const middle = (low + high) >>> 1;
        if (points[middle]!.point < hash) low = middle + 1;
        else high = middle;
      }
      const { point, index } = points[low % points.length]!;
      if (placement.owner(String(i)) !== index) differences++;
      lines += `${hash} ${point} ${members[index]!.id}\n`;
      if (i % 10_000 === 9999) {
        printed.update(lines);
        lines = '';
      }
    }
    expect(differences).toBe(0);
    expect(printed.update(lines).digest('hex')).toBe(published);
  });
});

describe('ketamaMd5 agrees with what spymemcached publishes', () => {
  const { owners, sequences, weighted, tables } = vectors.spymemcached;

  it.each(owners)('$test', ({ servers, owners: wanted }) => {
    const placement = create(numbered(servers), { spelling: 'spymemcached' });
    expect(Object.fromEntries(Object.keys(wanted).map((key) => [key, placement.owner(key)]))).toEqual(wanted);
  });

  it.each(sequences)('$test', ({ servers, key, sequence }) => {
    const placement = create(numbered(servers), { spelling: 'spymemcached' });
    expect(Array.from(placement.rank(key))).toEqual([...new Set(sequence)]);
    const [first] = sequence;
    expect(placement.among!((index) => index !== first).owner(key)).toBe(
      sequence.find((index) => index !== first),
    );
  });

  it(weighted.test, () => {
    const placement = create(membersOf(weighted.servers), { spelling: 'spymemcachedLibmemcached' });
    expect(
      Object.fromEntries(Object.keys(weighted.owners).map((key) => [key, placement.owner(key)])),
    ).toEqual(weighted.owners);
  });

  it.each(tables.lists)('$test, $count keys', ({ runs, count, sha256 }) => {
    const members = Array.from({ length: 8 }, (_, i) => ({ id: `10.0.1.${i + 1}:11211`, weight: 1 }));
    for (const spelling of ['spymemcached', 'libketama']) {
      const placement = create(members, { spelling });
      const list = createHash('sha256');
      let keys = 0;
      for (const [first, last] of runs) {
        for (let key = first!; key <= last!; key += 233, keys++)
          list.update(`${key} ${members[placement.owner(String(key))]!.id}\n`);
      }
      expect([keys, list.digest('hex')]).toEqual([count, sha256]);
    }
  });
});

describe('ketamaMd5 agrees with what twemproxy publishes', () => {
  it('of hashes and points', () => {
    const { hashes, points } = vectors.twemproxy;
    expect([words(hashes.key)[0], fnv1a64Twemproxy(hashes.key) >>> 0]).toEqual([hashes.md5, hashes.fnv1a_64]);
    const ninth = words(`${points.server}-8`);
    expect([ninth[0], ninth[3]]).toEqual(points.known);
  });
});
