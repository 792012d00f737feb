import type { FiguresView } from '../control/admin/figures-view.js';

export const WINDOW_MS = 5 * 60_000;
/** What a rate of now is of. */
const NOW_MS = 10_000;
const POINTS_MAX = 200;

type UpstreamFigures = FiguresView['pools'][number]['upstreams'][number];

/** What an upstream did lately. */
export interface UpstreamRates {
  readonly perSecond: number;
  /** Within the last minutes, by what was wrong. */
  readonly faults: Readonly<Record<string, number>>;
  readonly failed: number;
  /** Requests a second, the oldest first. */
  readonly line: readonly (number | null)[];
}

export interface PoolPoint {
  readonly atMs: number;
  readonly found: number;
  readonly fresh: number;
  readonly elsewhere: number;
  readonly p50: number | null;
  readonly p95: number | null;
}

/** Who found an upstream of its own, of all who have one. */
export interface AffinityCounts {
  readonly found: number;
  readonly known: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface Cause {
  readonly why: string;
  readonly count: number;
  /** Of those, how many bound their user to another upstream. */
  readonly moved: number;
}

interface Kept {
  readonly atMs: number;
  readonly view: FiguresView;
  readonly byName: ReadonlyMap<string, UpstreamFigures>;
}

const FOUND = ['bound', 'keyed'];
const ELSEWHERE = ['moved', 'borrowed', 'rehomed', 'rejected'];

/** The sums of the last minutes. What happened is the difference of two of them. */
export class FiguresWindow {
  #kept: Kept[] = [];

  add(view: FiguresView): void {
    const atMs = Date.parse(view.at);
    const byName = new Map(
      view.pools.flatMap(({ name, upstreams }) => upstreams.map((each) => [nameOf(name, each.id), each])),
    );
    const last = this.#kept.at(-1);
    // A gateway that was started anew counts from 0; a clock that was set back has no rates.
    if (last !== undefined && (atMs < last.atMs || totalOf(view) < totalOf(last.view))) this.#kept = [];
    if (last?.atMs === atMs) return;
    this.#kept.push({ atMs, view, byName });
    while (this.#kept.length > POINTS_MAX || this.#kept[0]!.atMs < atMs - WINDOW_MS) this.#kept.shift();
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** For how long there are figures. */
  get lengthMs(): number {
    return this.#kept.length < 2 ? 0 : this.#kept.at(-1)!.atMs - this.#kept[0]!.atMs;
  }

  upstream(pool: string, id: string): UpstreamRates | undefined {
    const name = nameOf(pool, id);
    const last = this.#kept.at(-1);
    const now = last?.byName.get(name);
    if (last === undefined || now === undefined) return undefined;
    const recent = this.#since(last.atMs - NOW_MS);
    const before = recent?.byName.get(name);
    const oldest = this.#kept[0]!.byName.get(name);
    return {
      perSecond: before === undefined ? 0 : rate(now.requests - before.requests, last.atMs - recent!.atMs),
      faults: oldest === undefined ? {} : difference(now.faults, oldest.faults),
      failed: oldest === undefined ? 0 : (now.statuses['5xx'] ?? 0) - (oldest.statuses['5xx'] ?? 0),
      line: this.#kept.slice(1).map(({ atMs, byName }, at) => {
        const earlier = this.#kept[at]!;
        const [a, b] = [earlier.byName.get(name), byName.get(name)];
        return a === undefined || b === undefined ? null : rate(b.requests - a.requests, atMs - earlier.atMs);
      }),
    };
  }

  affinity(pool: string): AffinityCounts {
    const [first, last] = [this.#kept[0], this.#kept.at(-1)];
    const outcomes = difference(outcomesOf(last, pool), outcomesOf(first, pool));
    const found = sum(outcomes, FOUND);
    return { found, known: found + sum(outcomes, ELSEWHERE), outcomes };
  }

  /** Why users did not find theirs, the most frequent first; of some routes. */
  causes(isWanted: (route: string) => boolean): readonly Cause[] {
    const [first, last] = [this.#kept[0], this.#kept.at(-1)];
    const counted = (rows: 'misses' | 'moves'): Record<string, number> =>
      difference(countsOf(last, rows, isWanted), countsOf(first, rows, isWanted));
    const moves = counted('moves');
    const counts = { ...moves, ...counted('misses') };
    return Object.entries(counts)
      .map(([why, count]) => ({ why, count, moved: moves[why] ?? 0 }))
      .sort((a, b) => b.count - a.count);
  }

  points(pool: string): readonly PoolPoint[] {
    return this.#kept.slice(1).map((kept, at) => {
      const earlier = this.#kept[at]!;
      const ms = kept.atMs - earlier.atMs;
      const outcomes = difference(outcomesOf(kept, pool), outcomesOf(earlier, pool));
      const answers = differences(answersOf(kept, pool), answersOf(earlier, pool));
      return {
        atMs: kept.atMs,
        found: rate(sum(outcomes, FOUND), ms),
        fresh: rate(outcomes['balanced'] ?? 0, ms),
        elsewhere: rate(sum(outcomes, ELSEWHERE), ms),
        p50: quantile(kept.view.boundsMs, answers, 0.5) ?? null,
        p95: quantile(kept.view.boundsMs, answers, 0.95) ?? null,
      };
    });
  }

  /** The newest that is at least so old. */
  #since(atMs: number): Kept | undefined {
    const before = this.#kept.slice(0, -1);
    return before.findLast((kept) => kept.atMs <= atMs) ?? before[0];
  }
}

/** Within its bucket a time may be anywhere: it is taken in proportion. */
export function quantile(
  boundsMs: readonly number[],
  counts: readonly number[],
  share: number,
): number | undefined {
  const total = counts.reduce((all, each) => all + each, 0);
  if (total <= 0) return undefined;
  let left = total * share;
  for (const [at, count] of counts.entries()) {
    if (count >= left && count > 0) {
      const low = boundsMs[at - 1] ?? 0;
      return low + ((boundsMs[at] ?? low) - low) * (left / count);
    }
    left -= count;
  }
  return boundsMs.at(-1);
}

function nameOf(pool: string, id: string): string {
  return `${pool}\n${id}`;
}

function rate(count: number, ms: number): number {
  return ms <= 0 ? 0 : Math.max(0, (count * 1000) / ms);
}

function totalOf({ pools }: FiguresView): number {
  return pools.reduce((all, { outcomes }) => all + Object.values(outcomes).reduce((a, b) => a + b, 0), 0);
}

function outcomesOf(kept: Kept | undefined, pool: string): Readonly<Record<string, number>> {
  return kept?.view.pools.find(({ name }) => name === pool)?.outcomes ?? {};
}

function countsOf(
  kept: Kept | undefined,
  rows: 'misses' | 'moves',
  isWanted: (route: string) => boolean,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { route, why, count } of kept?.view[rows] ?? [])
    if (isWanted(route)) sums[why] = (sums[why] ?? 0) + count;
  return sums;
}

function answersOf(kept: Kept, pool: string): readonly number[] {
  const members = kept.view.pools.find(({ name }) => name === pool)?.upstreams ?? [];
  const sums = Array.from({ length: kept.view.boundsMs.length + 1 }, () => 0);
  for (const { answers } of members) for (const [at, count] of answers.entries()) sums[at]! += count;
  return sums;
}

function differences(now: readonly number[], before: readonly number[]): number[] {
  return now.map((count, at) => Math.max(0, count - (before[at] ?? 0)));
}

function difference(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(now)
      .map(([name, count]) => [name, Math.max(0, count - (before[name] ?? 0))] as const)
      .filter(([, count]) => count > 0),
  );
}

function sum(counts: Readonly<Record<string, number>>, names: readonly string[]): number {
  return names.reduce((all, name) => all + (counts[name] ?? 0), 0);
}
