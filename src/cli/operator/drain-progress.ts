import type { UpstreamView } from '../../control/admin/admin-views.js';

export type DrainView = NonNullable<UpstreamView['drain']>;

const MINUTE_MS = 60_000;

/** How far a drain is, at all gateways together, in a line. */
export function progressLine(name: string, drains: readonly DrainView[]): string {
  const sum = (count: (drain: DrainView) => number): number =>
    drains.reduce((total, drain) => total + count(drain), 0);
  const progress = Math.min(...drains.map((drain) => drain.progress));
  const parts = [
    `${Math.floor(progress * 100)} % of the time until ${latest(drains.map(({ until }) => until))}`,
    `${sum(usersLeft)} bound now`,
    `${sum(({ moved }) => moved)} moved`,
    `${sum(({ movedLastMinute }) => movedLastMinute)} a minute`,
    `${sum(({ requestsInProgress }) => requestsInProgress)} requests in progress`,
    `${sum(({ tunnels }) => tunnels)} of them tunnels`,
  ];
  const ends = drains.flatMap(({ provenEnd }) => (provenEnd === undefined ? [] : [provenEnd]));
  if (ends.length === drains.length) parts.push(`nobody can be bound from ${latest(ends)} on`);
  if (drains.some(({ isInTime }) => !isInTime)) parts.push('NOT in time');
  return `${name}: ${parts.join(', ')}`;
}

/**
 * Users who were seen there and have not been moved. What is counted is a window of the last minutes, so of a
 * longer drain its share of the moves is taken away.
 */
export function usersLeft({ boundUsers, boundWithinIdle, moved, from, until }: DrainView): number {
  const { minutes15, minutes60 } = boundUsers;
  const windowMs = (boundWithinIdle >= minutes60 ? 60 : boundWithinIdle >= minutes15 ? 15 : 1) * MINUTE_MS;
  const lengthMs = Math.max(1, Date.parse(until) - Date.parse(from));
  return Math.max(0, Math.round(boundWithinIdle - moved * Math.min(1, windowMs / lengthMs)));
}

function latest(instants: readonly string[]): string {
  return instants.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b)).replace(/\.\d+Z$/, 'Z');
}
