import { describe, expect, it } from 'vitest';
import { envoyMaglev } from '../../src/route/placement/envoy-maglev.js';
import { envoyRingHash } from '../../src/route/placement/envoy-ring-hash.js';
import type { Member, Placement } from '../../src/route/placement/placement.js';
import maglevVectors from './golden/envoy-maglev.json' with { type: 'json' };
import ringVectors from './golden/envoy-ring-hash.json' with { type: 'json' };
import { keyWithXxh64 } from './xxh64-key.js';

const HASH_MAX = 2n ** 64n - 1n;

interface Given {
  readonly upstreams?: readonly (readonly (string | number)[])[];
  readonly lopsided?: { readonly heavy: number; readonly hosts: number };
}

function membersOf({ upstreams, lopsided }: Given): Member[] {
  if (lopsided === undefined)
    return upstreams!.map(([name, weight]) => ({ id: String(name), weight: Number(weight) }));
  return Array.from({ length: lopsided.hosts }, (_, port) => ({
    id: `127.0.0.1:${port}`,
    weight: port === 0 ? lopsided.heavy : 1,
  }));
}

function ownerOf(placement: Placement, hash: bigint): string | undefined {
  return placement.members[placement.owner(keyWithXxh64(hash))]?.id;
}

function rankOf(placement: Placement, hash: bigint): string[] {
  return Array.from(placement.rank(keyWithXxh64(hash)), (index) => placement.members[index]!.id);
}

describe('envoyRingHash agrees with what Envoy publishes', () => {
  it.each(ringVectors.cases)('$name', ({ ring, owners, histogram, rankFromZero, options, ...given }) => {
    const placement = envoyRingHash.create(membersOf(given), envoyRingHash.options.parse(options));
    for (const [hash, id] of owners ?? []) expect(ownerOf(placement, BigInt(hash!)), hash).toBe(id);
    // A point ends the range of its host: with that, all points stand where Envoy's do, and no further one
    // can.
    ring?.forEach(([hash, id], at) => {
      expect(ownerOf(placement, BigInt(hash!)), hash).toBe(id);
      expect(ownerOf(placement, BigInt(hash!) + 1n), `after ${hash}`).toBe(ring[(at + 1) % ring.length]![1]);
    });
    if (rankFromZero !== undefined)
      expect(rankOf(placement, 0n).slice(0, rankFromZero.length)).toEqual(rankFromZero);
    if (histogram !== undefined) {
      const counts = histogram.counts.map(() => 0);
      const step = HASH_MAX / BigInt(histogram.steps);
      for (let i = 0n; i < histogram.steps; i++) counts[placement.owner(keyWithXxh64(i * step))]!++;
      expect(counts).toEqual(histogram.counts);
    }
  });
});

describe('envoyMaglev agrees with what Envoy publishes', () => {
  it.each(maglevVectors.cases)('$name', ({ table, attempts, entries, options, ...given }) => {
    const members = membersOf(given);
    const placement = envoyMaglev.create(members, envoyMaglev.options.parse(options));
    table?.forEach((id, entry) => {
      for (let turn = 0; turn < 3; turn++)
        expect(ownerOf(placement, BigInt(entry + turn * table.length))).toBe(id);
    });
    if (attempts !== undefined)
      expect(rankOf(placement, BigInt(attempts.hash)).slice(0, attempts.upstreams.length)).toEqual(
        attempts.upstreams,
      );
    if (entries !== undefined) {
      const counts = members.map(() => 0);
      for (let entry = 0; entry < options.tableSize; entry++)
        counts[placement.owner(keyWithXxh64(BigInt(entry)))]!++;
      expect(counts).toEqual(members.map((_, index) => (index === 0 ? entries.heaviest : entries.others)));
    }
  });

  it('keeps its table whatever the order of the configuration, as BasicStability has it', () => {
    const { upstreams, table, options } = maglevVectors.cases[0]!;
    const members = membersOf({ upstreams: upstreams! }).reverse();
    const placement = envoyMaglev.create(members, envoyMaglev.options.parse(options));
    expect(table!.map((_, entry) => ownerOf(placement, BigInt(entry)))).toEqual(table);
  });
});
