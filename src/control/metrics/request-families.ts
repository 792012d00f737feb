import { family } from './family.js';

const WHERE = ['route', 'pool', 'upstream'];

/** Of requests, counted as they end. */
export const requestFamilies = [
  family(
    'counter',
    'stickyroute_requests_total',
    'Requests that ended, refused heads included',
    [...WHERE, 'outcome', 'code'],
    ({ requests }) =>
      requests.flatMap(({ route, pool, upstream, ended }) =>
        ended.map(
          ({ outcome, statusClass, count }) =>
            [count, route, pool, upstream, outcome ?? '', statusClass] as const,
        ),
      ),
  ),
  family(
    'histogram',
    'stickyroute_request_duration_seconds',
    'Time from a request head to the end of the request, tunnels left out',
    WHERE,
    ({ requests }) =>
      requests
        .filter(({ route }) => route !== '')
        .map(({ route, pool, upstream, requestTime }) => [requestTime, route, pool, upstream] as const),
  ),
  family(
    'histogram',
    'stickyroute_upstream_answer_seconds',
    'Time from the last try of a request to the head of its answer',
    WHERE,
    ({ requests }) =>
      requests
        .filter(({ upstream }) => upstream !== '')
        .map(({ route, pool, upstream, answerTime }) => [answerTime, route, pool, upstream] as const),
  ),
  family(
    'counter',
    'stickyroute_request_bytes_total',
    'Body bytes of requests, without framing',
    WHERE,
    ({ requests }) =>
      requests.map(
        ({ route, pool, upstream, requestBytes }) => [requestBytes, route, pool, upstream] as const,
      ),
  ),
  family(
    'counter',
    'stickyroute_answer_bytes_total',
    'Bytes sent to clients, heads and framing included',
    WHERE,
    ({ requests }) =>
      requests.map(
        ({ route, pool, upstream, answeredBytes }) => [answeredBytes, route, pool, upstream] as const,
      ),
  ),
  family(
    'counter',
    'stickyroute_retries_total',
    'Tries after the first one of a request, by the upstream tried last',
    WHERE,
    ({ requests }) =>
      requests
        .filter(({ upstream }) => upstream !== '')
        .map(({ route, pool, upstream, retries }) => [retries, route, pool, upstream] as const),
  ),
  family(
    'counter',
    'stickyroute_clients_gone_total',
    'Requests whose client was gone before its answer was whole; their status counts as 4xx',
    WHERE,
    ({ requests }) =>
      requests
        .filter(({ route }) => route !== '')
        .map(({ route, pool, upstream, clientsGone }) => [clientsGone, route, pool, upstream] as const),
  ),
  family(
    'counter',
    'stickyroute_affinity_misses_total',
    'Requests in which a rule found something that was not followed',
    ['route', 'rule', 'why'],
    ({ misses }) => misses.map(({ route, rule, why, count }) => [count, route, rule, why] as const),
  ),
  family(
    'counter',
    'stickyroute_moves_total',
    'Requests that bound their user to another upstream than before',
    ['route', 'outcome', 'why'],
    ({ moves }) => moves.map(({ route, outcome, why, count }) => [count, route, outcome, why] as const),
  ),
];
