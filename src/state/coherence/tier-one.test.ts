import { beforeEach, describe, expect, it } from 'vitest';
import { createManualClock, type ManualClock } from '../../testing/manual-clock.js';
import type { FeedListener } from '../store/feed.js';
import { TierOne } from './tier-one.js';

const BOUND_MS = 1_000;

let clock: ManualClock;
let listener: FeedListener;
let position = { run: 'r', sequence: 0, vouchedAtMs: 0 };
let tierOne: TierOne<string>;

beforeEach(() => {
  clock = createManualClock();
  position = { run: 'r', sequence: 0, vouchedAtMs: 0 };
  tierOne = open({});
});

function open(options: { readonly max?: number; readonly bytesMax?: number }): TierOne<string> {
  const feed = {
    follow: (given: FeedListener) => {
      listener = given;
      return { position: () => position, stop: () => {} };
    },
  };
  const named = (note: string) =>
    note.startsWith('#')
      ? ({ kind: 'tag', name: note.slice(1) } as const)
      : ({ kind: 'entry', name: note } as const);
  return new TierOne<string>({
    feed,
    partitions: 2,
    max: 10,
    bytesMax: 1_000,
    boundMs: BOUND_MS,
    clock,
    named,
    ...options,
  });
}

function keep(
  name: string,
  version: number,
  { tags = [] as string[], lifeMs = 60_000, bytes = 1, value = `${name}@${version}` } = {},
): void {
  const fill = tierOne.begin(0, name);
  tierOne.keep(fill, value, { version, lifeMs, tags, bytes });
  tierOne.end(fill);
}

/** Time goes on, and the feed has been heard of just now. */
function hear(ms: number): void {
  clock.advance(ms);
  position = { ...position, vouchedAtMs: clock.monotonic() };
}

describe('tier 1', () => {
  it('gives what was kept until it expires', () => {
    keep('a', 1, { lifeMs: 5_000 });
    expect(tierOne.get('a')?.value).toBe('a@1');
    hear(4_999);
    expect(tierOne.get('a')?.value).toBe('a@1');
    hear(1);
    expect(tierOne.get('a')).toBeUndefined();
  });

  it('gives nothing when the feed was not heard of within the bound, and all of it again when the feed tells that nothing happened', () => {
    keep('a', 1);
    clock.advance(BOUND_MS);
    expect(tierOne.get('a')?.value).toBe('a@1');
    clock.advance(1);
    expect(tierOne.get('a')).toBeUndefined();
    hear(0);
    expect(tierOne.get('a')?.value).toBe('a@1');
  });

  it('gives an entry that is younger than the bound even when the feed never was heard of', () => {
    position = { run: '', sequence: 0, vouchedAtMs: -Infinity };
    keep('a', 1);
    clock.advance(BOUND_MS);
    expect(tierOne.get('a')?.value).toBe('a@1');
    clock.advance(1);
    expect(tierOne.get('a')).toBeUndefined();
  });

  it('drops what is noted, unless it is what was noted', () => {
    keep('a', 5);
    keep('b', 5);
    listener.noted(0, 5, ['a']);
    listener.noted(0, 6, ['b']);
    expect(tierOne.get('a')?.value).toBe('a@5');
    expect(tierOne.get('b')).toBeUndefined();
  });

  it('drops by tag', () => {
    keep('a', 1, { tags: ['x', 'y'] });
    keep('b', 2, { tags: ['y'] });
    keep('c', 9, { tags: ['x'] });
    listener.noted(0, 7, ['#x']);
    expect([tierOne.get('a'), tierOne.get('b')?.value, tierOne.get('c')?.value]).toEqual([
      undefined,
      'b@2',
      'c@9',
    ]);
  });

  it('drops all of a partition, and of no other, when notes were missed', () => {
    keep('a', 1);
    const fill = tierOne.begin(1, 'b');
    tierOne.keep(fill, 'b@1', { version: 1, lifeMs: 60_000, bytes: 1 });
    listener.missed(0);
    expect([tierOne.get('a'), tierOne.get('b')?.value]).toEqual([undefined, 'b@1']);
  });

  it('does not keep a fill that an invalidation overtook: by name, by tag, by a gap', () => {
    const overtake = (happen: () => void): boolean => {
      const fill = tierOne.begin(0, 'a');
      happen();
      const kept = tierOne.keep(fill, 'old', { version: 4, lifeMs: 60_000, bytes: 1, tags: ['x'] });
      tierOne.end(fill);
      return kept === undefined;
    };
    expect(overtake(() => listener.noted(0, 5, ['a']))).toBe(true);
    expect(overtake(() => listener.noted(0, 5, ['#x']))).toBe(true);
    expect(overtake(() => listener.missed(0))).toBe(true);
    expect(overtake(() => listener.noted(0, 5, ['b', '#y']))).toBe(false);
    expect(overtake(() => listener.noted(0, 4, ['a', '#x']))).toBe(false);
  });

  it('counts a fill as overtaken when more tags were deleted than it remembers', () => {
    const fill = tierOne.begin(0, 'a');
    for (let tag = 0; tag < 65; tag++) listener.noted(0, 10 + tag, [`#t${tag}`]);
    expect(
      tierOne.keep(fill, 'old', { version: 4, lifeMs: 60_000, bytes: 1, tags: ['t64'] }),
    ).toBeUndefined();
  });

  it('never replaces an entry by an older one', () => {
    keep('a', 8);
    keep('a', 7);
    expect(tierOne.get('a')?.value).toBe('a@8');
  });

  it('forgets the old copy when an own change is acknowledged, and when nobody knows whether it was made', () => {
    keep('a', 1);
    const sure = tierOne.begin(0, 'a');
    tierOne.acknowledged(sure, 2);
    expect(tierOne.get('a')).toBeUndefined();
    expect(tierOne.keep(sure, 'new', { version: 2, lifeMs: 60_000, bytes: 1 })?.value).toBe('new');
    const unsure = tierOne.begin(0, 'a');
    tierOne.unsure(unsure);
    expect(tierOne.get('a')).toBeUndefined();
    expect(tierOne.keep(unsure, 'new', { version: 3, lifeMs: 60_000, bytes: 1 })).toBeUndefined();
  });

  it('forgets the partition when a change got a number that the feed had passed: the store lost its data', () => {
    keep('b', 90);
    position = { ...position, sequence: 100 };
    const fill = tierOne.begin(0, 'a');
    tierOne.acknowledged(fill, 3);
    expect(tierOne.get('b')).toBeUndefined();
  });

  it('holds no more entries and bytes than it may', () => {
    tierOne = open({ max: 2, bytesMax: 100 });
    for (const name of ['a', 'b', 'c']) keep(name, 1, { tags: ['x'] });
    expect(['a', 'b', 'c'].map((name) => tierOne.get(name)?.name)).toEqual([undefined, 'b', 'c']);
    keep('d', 1, { bytes: 100 });
    expect(['b', 'c', 'd'].map((name) => tierOne.get(name)?.name)).toEqual([undefined, undefined, 'd']);
    keep('e', 1, { bytes: 101 });
    expect(['d', 'e'].map((name) => tierOne.get(name)?.name)).toEqual(['d', undefined]);
    listener.noted(0, 2, ['#x']);
  });

  it('lets those join a fill who could as well have found it kept', () => {
    const fill = tierOne.begin(0, 'a');
    clock.advance(BOUND_MS);
    expect(tierOne.isCurrent(fill, 1, [])).toBe(true);
    clock.advance(1);
    expect(tierOne.isCurrent(fill, 1, [])).toBe(false);
    hear(0);
    expect(tierOne.isCurrent(fill, 1, [])).toBe(true);
    listener.noted(0, 2, ['a']);
    expect(tierOne.isCurrent(fill, 1, [])).toBe(false);
    expect(tierOne.isCurrent(fill, 2, [])).toBe(true);
  });

  it('gives and keeps nothing once closed', () => {
    keep('a', 1);
    tierOne.close();
    keep('b', 1);
    expect([tierOne.get('a'), tierOne.get('b')]).toEqual([undefined, undefined]);
  });
});
