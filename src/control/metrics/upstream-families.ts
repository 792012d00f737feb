import { STANDING_WORDS } from '../../route/pool/standing.js';
import { family } from './family.js';
import type { MetricsSnapshot, UpstreamMetrics } from './snapshot.js';

const WHICH = ['pool', 'upstream'];
const CONDITIONS = ['up', 'down', 'trial'] as const;

function each(number: (upstream: UpstreamMetrics) => number) {
  return ({ upstreams }: MetricsSnapshot) =>
    upstreams.map((upstream) => [number(upstream), upstream.pool, upstream.id] as const);
}

/** Of the upstreams that are in a pool now. */
export const upstreamFamilies = [
  family(
    'gauge',
    'stickyroute_upstream_condition',
    'What health says of an upstream: 1 for the condition that it has, 0 for the others',
    [...WHICH, 'condition'],
    ({ upstreams }) =>
      upstreams.flatMap(({ pool, id, condition }) =>
        CONDITIONS.map((one) => [condition === one ? 1 : 0, pool, id, one] as const),
      ),
  ),
  family(
    'gauge',
    'stickyroute_upstream_standing',
    'What operators want of an upstream: 1 for the standing that it has, 0 for the others',
    [...WHICH, 'standing'],
    ({ upstreams }) =>
      upstreams.flatMap(({ pool, id, standing }) =>
        STANDING_WORDS.map((one) => [standing === one ? 1 : 0, pool, id, one] as const),
      ),
  ),
  family(
    'gauge',
    'stickyroute_upstream_weight',
    'Share of an upstream, relative to the others',
    WHICH,
    each(({ weight }) => weight),
  ),
  family(
    'gauge',
    'stickyroute_upstream_requests_in_progress',
    'Requests that an upstream has now, tunnels included',
    WHICH,
    each(({ requestsInProgress }) => requestsInProgress),
  ),
  family(
    'gauge',
    'stickyroute_upstream_tunnels',
    'Upgraded connections, such as WebSockets, that lead to an upstream now',
    WHICH,
    each(({ tunnels }) => tunnels),
  ),
  family(
    'gauge',
    'stickyroute_bound_users',
    'Users with a key or a binding whom an upstream served within the window, estimated',
    [...WHICH, 'window'],
    ({ upstreams }) =>
      upstreams.flatMap(({ pool, id, boundUsers }) => [
        [boundUsers.minutes1, pool, id, '1m'] as const,
        [boundUsers.minutes15, pool, id, '15m'] as const,
        [boundUsers.minutes60, pool, id, '60m'] as const,
      ]),
  ),
  family(
    'counter',
    'stickyroute_upstream_tries_total',
    'Requests that were tried at an upstream',
    WHICH,
    each(({ tries }) => tries),
  ),
  family(
    'counter',
    'stickyroute_upstream_faults_total',
    'Tries that got no answer, or not the whole of one, by what the upstream did wrong',
    [...WHICH, 'fault'],
    ({ upstreams }) =>
      upstreams.flatMap(({ pool, id, faults }) =>
        Object.entries(faults).map(([fault, count]) => [count, pool, id, fault] as const),
      ),
  ),
  family(
    'counter',
    'stickyroute_upstream_connections_total',
    'Connections that were begun to an upstream for requests',
    WHICH,
    each(({ connections }) => connections),
  ),
];
