import type { PoolStateView, UpstreamView } from '../../control/admin/admin-views.js';
import { tableLines, type Column } from './text-table.js';

interface Row extends UpstreamView {
  readonly pool: string;
}

/** Every upstream, a line each. */
export function upstreamLines(pools: readonly PoolStateView[], nowMs: number, widthMax?: number): string[] {
  const rows = pools.flatMap((pool) =>
    pool.upstreams.map((upstream): Row => ({ ...upstream, pool: pool.name })),
  );
  const columns: readonly Column<Row>[] = [
    { title: 'UPSTREAM', rank: 0, text: ({ pool, id }) => (pools.length > 1 ? `${pool}/${id}` : id) },
    { title: 'CONDITION', rank: 0, text: ({ condition }) => condition },
    { title: 'SINCE', rank: 5, text: ({ since }) => ageText(nowMs - Date.parse(since)) },
    { title: 'STANDING', rank: 0, text: standingText },
    { title: 'WEIGHT', rank: 3, text: ({ weight }) => String(weight) },
    { title: 'REQ/S', rank: 2, text: ({ traffic }) => String(traffic?.requestsPerSecond ?? '') },
    { title: 'NOW', rank: 3, text: ({ traffic }) => String(traffic?.requestsInProgress ?? '') },
    { title: 'USERS 15M', rank: 2, text: ({ traffic }) => String(traffic?.boundUsers.minutes15 ?? '') },
    {
      title: 'P95',
      rank: 4,
      text: ({ traffic }) => (traffic?.p95Ms === undefined ? '' : `${traffic.p95Ms}ms`),
    },
    { title: 'SAID BY', rank: 6, text: saidBy },
    {
      title: 'WHY',
      rank: 4,
      text: ({ why, cause }) => [why === 'joined' ? '' : why, cause ?? ''].filter(Boolean).join(' '),
    },
    { title: 'LAST FAULT', rank: 7, text: ({ lastFault }) => faultText(lastFault, nowMs) },
    { title: 'URL', rank: 8, text: ({ url }) => url },
  ];
  return tableLines(columns, rows, widthMax);
}

function standingText({ standing, drain }: UpstreamView): string {
  if (drain === undefined || standing !== 'leaving') return standing;
  return `leaving ${Math.floor(drain.progress * 100)}% until ${drain.until.slice(11, 19)}Z`;
}

function saidBy({ from }: UpstreamView): string {
  return from.standing === 'admin' || from.weight === 'admin' ? 'operator' : from.standing;
}

function faultText(fault: UpstreamView['lastFault'], nowMs: number): string {
  return fault === undefined ? '' : `${fault.cause} ${ageText(nowMs - Date.parse(fault.at))} ago`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** `2h`, `40s`: the largest unit is enough to judge by. */
export function ageText(ms: number): string {
  for (const [unit, unitMs] of UNITS) if (ms >= unitMs) return `${Math.floor(ms / unitMs)}${unit}`;
  return '0s';
}
