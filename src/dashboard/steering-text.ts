import type { PoolStateView, UpstreamView } from '../control/admin/admin-views.js';
import { clockTime, spanText, users as usersText, whole } from './wording.js';

/** What will happen, said before it does. */
export interface Steered {
  readonly pool: PoolStateView;
  readonly upstream: UpstreamView;
  readonly nowMs: number;
}

/** About as many users as are there: those who came within the hour. */
export function usersThere({ traffic }: UpstreamView): number {
  return traffic?.boundUsers.minutes60 ?? 0;
}

/** The others that take users now. */
function takers({ pool, upstream }: Steered): UpstreamView[] {
  return pool.upstreams.filter(
    ({ id, standing, condition }) => id !== upstream.id && standing === 'in' && condition === 'up',
  );
}

export function drainText(steered: Steered, lengthMs: number | undefined): string[] {
  const { nowMs, upstream } = steered;
  const there = usersThere(upstream);
  const others = takers(steered).length;
  const nobody =
    others === 0 ? ['No other upstream of this pool is up and in: there is nobody to take its users.'] : [];
  if (lengthMs === undefined)
    return [
      `No new user comes to ${upstream.id}. About ${usersText(there)} who are bound to it stay, without an end.`,
      ...nobody,
    ];
  const minutes = lengthMs / 60_000;
  const pace = there === 0 || minutes < 1 ? '' : `, ${paceText(there / minutes)}`;
  return [
    there === 0
      ? `No new user comes to ${upstream.id}, and nobody was there within the last hour.`
      : `About ${usersText(there)} move within ${spanText(lengthMs)}${pace}, to ${othersText(others)}.`,
    `It is over at ${clockTime(nowMs + lengthMs, nowMs)} at the latest. From then on nobody is sent to ${upstream.id}.`,
    ...nobody,
  ];
}

export function enableText({ upstream }: Steered): string[] {
  const { id, standing, drain } = upstream;
  if (standing === 'in') return [`${id} is in: all users may come already.`];
  if (standing === 'leaving')
    return [
      `The drain of ${id} stops${drain === undefined ? '' : ` at ${Math.floor(drain.progress * 100)} %`}. About ${usersText(usersThere(upstream))} who are still there stay.`,
      'New users come again. Who has a binding elsewhere keeps it; who is placed by a key comes back.',
    ];
  return [
    `All users may come to ${id} again. Who has a binding elsewhere keeps it; who is placed by a key comes back.`,
  ];
}

export function disableText(steered: Steered): string[] {
  const { upstream } = steered;
  const others = takers(steered).length;
  return [
    `${upstream.id} gets no requests from now on, not even from its own users: about ${usersText(usersThere(upstream))}. Their rule’s failure policy says what becomes of them.`,
    others === 0
      ? 'No other upstream of this pool is up and in: its requests will be refused.'
      : `Up to ${usersText(usersThere(upstream))} go to ${othersText(others)} at once. A drain moves them one after the other.`,
  ];
}

export function weightText({ pool, upstream }: Steered, weight: number): string[] {
  const rest = pool.upstreams
    .filter(({ id, standing }) => id !== upstream.id && standing === 'in')
    .reduce((sum, each) => sum + each.weight, 0);
  const part = (own: number): string => `${Math.round((100 * own) / (own + rest))} %`;
  return [
    `The share of ${upstream.id} goes from ${part(upstream.weight)} to ${part(weight)} of new users, and of those who are placed by a key: some of these move. Who has a binding stays.`,
  ];
}

function othersText(count: number): string {
  return count === 1 ? 'the one other upstream' : `the ${whole(count)} others`;
}

function paceText(perMinute: number): string {
  return perMinute >= 1.5 ? `${whole(perMinute)} a minute` : `one in ${spanText(60_000 / perMinute)}`;
}
