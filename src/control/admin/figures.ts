import { BOUNDS_SECONDS } from '../metrics/histogram.js';
import type { MetricsSnapshot, RequestMetrics, UpstreamMetrics } from '../metrics/snapshot.js';
import type { FiguresView } from './figures-view.js';
import { instantText } from './state-views.js';

/** What was counted, by upstream: what somebody needs to draw it. */
export function figuresOf({ atMs, upstreams, requests, misses, moves }: MetricsSnapshot): FiguresView {
  const requestsOf = groupedBy(requests, ({ pool }) => pool);
  return {
    at: instantText(atMs),
    boundsMs: BOUNDS_SECONDS.map((seconds) => seconds * 1000),
    pools: [...groupedBy(upstreams, ({ pool }) => pool)].map(([name, members]) => {
      const ended = requestsOf.get(name) ?? [];
      const endedAt = groupedBy(ended, ({ upstream }) => upstream);
      return {
        name,
        outcomes: sumsBy(ended, ({ outcome }) => outcome ?? 'none'),
        upstreams: members.map((member) => upstreamFiguresOf(member, endedAt.get(member.id) ?? [])),
      };
    }),
    misses: misses.map(({ route, why, count }) => ({ route, why, count })),
    moves: moves.map(({ route, why, count }) => ({ route, why, count })),
  };
}

function upstreamFiguresOf(
  { id, faults }: UpstreamMetrics,
  rows: readonly RequestMetrics[],
): FiguresView['pools'][number]['upstreams'][number] {
  const statuses = sumsBy(rows, ({ statusClass }) => statusClass);
  const answers = Array.from({ length: BOUNDS_SECONDS.length + 1 }, (_, at) =>
    rows.reduce((sum, { answerTime }) => sum + answerTime.counts[at]!, 0),
  );
  return {
    id,
    requests: Object.values(statuses).reduce((sum, each) => sum + each, 0),
    statuses,
    faults: { ...faults },
    answers,
  };
}

function sumsBy(
  rows: readonly RequestMetrics[],
  wordOf: (ended: RequestMetrics['ended'][number]) => string,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { ended } of rows)
    for (const each of ended) sums[wordOf(each)] = (sums[wordOf(each)] ?? 0) + each.count;
  return sums;
}

function groupedBy<T>(rows: readonly T[], nameOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return groups;
}
