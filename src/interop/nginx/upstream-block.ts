import type { Limits } from '../../proxy/limits.js';
import { ofOneScheme, connections, type Connection } from '../connect-address.js';
import type { Group } from '../groups.js';
import type { Report } from '../report.js';
import { isAtLeast, type Version } from '../version.js';
import { wholeWeights } from '../whole-weights.js';
import { hashKey } from './keys.js';
import { block, time, word } from './text.js';

/** nginx 1.29.6 brought `sticky`, `route=` and `drain` to the free edition. */
const STICKY_SINCE: Version = [1, 29, 6];
/** NGX_HTTP_UPSTREAM_SID_LEN of ngx_http_upstream_round_robin.h: nginx takes no longer route=. */
const ROUTE_CHARS_MAX = 32;

/** Can nginx do it by `sticky`? Else a map does. */
export function canStick({ view, pool }: Group, version: Version): boolean {
  return (
    isAtLeast(version, STICKY_SINCE) &&
    (view.routeCookie === undefined || pool.upstreams.every(({ id }) => id.length <= ROUTE_CHARS_MAX))
  );
}

/** nginx's own limit of a weight is that of its int; beyond this a ring would take gigabytes. */
const WEIGHT_MAX = 65_535;

const BALANCES: Readonly<Record<string, string>> = {
  leastRequests: 'least_conn;',
  twoChoices: 'random two least_conn;',
};

export interface UpstreamContext {
  readonly version: Version;
  readonly limits: Limits;
  readonly isTlsListener: boolean;
  readonly report: Report;
}

/** A group as nginx sees it. */
export interface UpstreamBlock {
  readonly group: Group;
  readonly isTls: boolean;
  readonly connections: readonly Connection[];
  readonly weights: readonly number[];
  /** The maps that its key needs, and the block itself. */
  readonly lines: readonly string[];
}

export function upstreamBlock(group: Group, context: UpstreamContext): UpstreamBlock {
  const { report, version } = context;
  const { isTls, upstreams } = ofOneScheme(group.pool.upstreams, group.poolAt, report);
  const servers = connections(upstreams, 80, group.poolAt, report);
  const weights = wholeWeights(upstreams, WEIGHT_MAX, group.poolAt, report);
  const hasSticky = canStick(group, version);
  const key = hashKey(group.view.keys, group.tag, group.affinityAt, report);
  const method = methodLines(group, key.variable, report);
  const lines = block(`upstream ${group.name}`, [
    ...method,
    ...(hasSticky ? stickyLines(group, context) : []),
    ...servers.map((server, at) =>
      serverLine(
        server,
        weights[at]!,
        group,
        hasSticky,
        hasSticky && group.view.routeCookie !== undefined ? ` route=${server.upstream.id}` : '',
      ),
    ),
    ...keepaliveLines(context.limits),
  ]);
  return { group, isTls, connections: servers, weights, lines: [...key.maps, ...lines] };
}

/**
 * `server 10.0.0.5:8080 weight=2 max_fails=3 fail_timeout=30s;` A draining one takes no new users; those that
 * are bound keep it only with `drain`.
 */
export function serverLine(
  { address, upstream }: Connection,
  weight: number,
  group: Group,
  hasDrain: boolean,
  more = '',
): string {
  const { maxFails, failTimeoutMs } = group.pool.passive;
  const fails =
    maxFails === 0
      ? 'max_fails=0'
      : `max_fails=${maxFails} fail_timeout=${time(Math.ceil(failTimeoutMs / 1000) * 1000)}`;
  const drain = upstream.draining ? (hasDrain ? ' drain' : ' down') : '';
  return `server ${address}${weight === 1 ? '' : ` weight=${weight}`} ${fails}${more}${drain};`;
}

/**
 * Connections that are kept open; each nginx process keeps so many. They come last: nginx wants the method
 * before them.
 */
export function keepaliveLines({ upstreamIdleMax, upstreamIdleMs }: Limits): string[] {
  return upstreamIdleMax === 0
    ? []
    : [`keepalive ${upstreamIdleMax};`, `keepalive_timeout ${time(upstreamIdleMs)};`];
}

export function balanceLines(balance: string): string[] {
  const line = BALANCES[balance];
  return line === undefined ? [] : [line];
}

function methodLines(group: Group, key: string | undefined, report: Report): string[] {
  const { pool, view, affinityAt } = group;
  const placement = pool.placement.name;
  if (key === undefined) {
    return [...balanceLines(group.balance)];
  }
  const note = '# A request without a key goes to the next upstream in turn.';
  if (placement === 'nginxIpHash') {
    if (view.keys.length === 1 && view.keys[0]!.kind === 'ip')
      return ['# By the first three octets of an IPv4 address: one network, one upstream.', 'ip_hash;'];
    report.say(
      affinityAt,
      'is written as hash … consistent: ip_hash knows the address alone. Keys move once.',
    );
    return [note, `hash ${key} consistent;`];
  }
  if (placement === 'nginxHash')
    return [
      '# A change of this list moves nearly every key; consistent would move only a share of them.',
      note,
      `hash ${key};`,
    ];
  if (placement !== 'nginxConsistent') {
    report.say(
      `${group.poolAt}placement`,
      `${placement} is written as hash … consistent, which places keys elsewhere: they move once. To move them now, and not at the change, write placement: nginxConsistent first.`,
    );
  }
  return [note, `hash ${key} consistent;`];
}

function stickyLines(group: Group, { isTlsListener, report }: UpstreamContext): string[] {
  const { cookie, routeCookie } = group.view;
  if (routeCookie !== undefined) {
    if (routeCookie.onFailure === 'reject')
      report.say(
        group.affinityAt,
        'routeCookie: onFailure: reject is not carried over: nginx sends its users to another upstream.',
      );
    if (!/^\w+$/.test(routeCookie.name)) {
      report.say(
        group.affinityAt,
        `routeCookie ${routeCookie.name} is not carried over: nginx has no variable for such a name. Leave the --target-version out for a map that can.`,
      );
      return [];
    }
    return [
      '# The cookie of the app names the upstream, as route= says. It is followed and never written.',
      `sticky route $cookie_${routeCookie.name};`,
    ];
  }
  if (cookie === undefined) return [];
  const at = `${group.affinityAt} cookie ${cookie.name}`;
  report.door(
    at,
    "is written in nginx's own format, the MD5 of the address, which anybody can forge. Clients are bound anew once.",
  );
  if (cookie.onFailure !== 'rehome')
    report.say(
      at,
      `onFailure: ${cookie.onFailure} is not carried over: nginx binds users of an upstream that is down to another, for good.`,
    );
  if (cookie.absolute !== undefined)
    report.say(
      at,
      'absolute is not carried over: nginx writes the cookie anew with every answer, so that only an idle limit can be kept.',
    );
  if (cookie.partitioned) report.say(at, "partitioned is not carried over: nginx can't write it.");
  const life = cookie.idle === undefined ? '' : ` expires=${Math.ceil(cookie.idle / 1000)}s`;
  const isSecure = cookie.secure === 'always' || (cookie.secure === 'auto' && isTlsListener);
  const attributes = [
    cookie.domain === undefined ? '' : ` domain=${cookie.domain}`,
    cookie.httpOnly ? ' httponly' : '',
    isSecure ? ' secure' : '',
    ` samesite=${cookie.sameSite}`,
    ` ${word(`path=${cookie.path}`)}`,
  ];
  return [
    '# nginx names the upstream in a cookie of its own and follows it; the method above places whoever has none.',
    `sticky cookie ${word(cookie.name)}${life}${attributes.join('')};`,
  ];
}
