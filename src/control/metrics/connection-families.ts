import { family } from './family.js';

/** Of clients' connections. */
export const connectionFamilies = [
  family(
    'gauge',
    'stickyroute_connections',
    'Connections of clients that are open now; unknown ones have sent nothing yet',
    ['protocol', 'state'],
    ({ connections }) => connections.map(({ protocol, state, count }) => [count, protocol, state] as const),
  ),
  family(
    'counter',
    'stickyroute_connections_accepted_total',
    'Connections of clients that were taken',
    [],
    ({ connectionsAccepted }) => [[connectionsAccepted]],
  ),
  family(
    'counter',
    'stickyroute_connections_turned_away_total',
    'Connections of clients that were closed as they came, because there were as many as may be',
    [],
    ({ connectionsTurnedAway }) => [[connectionsTurnedAway]],
  ),
  family(
    'counter',
    'stickyroute_shortages_total',
    'Connections for which the system had no file, port or memory',
    [],
    ({ shortages }) => [[shortages]],
  ),
  family(
    'gauge',
    'stickyroute_http2_streams',
    'Requests that are under way on HTTP/2 connections of clients',
    [],
    ({ http2Streams }) => [[http2Streams]],
  ),
  family(
    'counter',
    'stickyroute_refused_heads_total',
    'Requests whose head was refused, by the reason',
    ['reason'],
    ({ refusedHeads }) => Object.entries(refusedHeads).map(([reason, count]) => [count, reason] as const),
  ),
];
