import { createHmac } from 'node:crypto';
import type { Config, RouteConfig } from '../../control/config/config.js';
import { connections } from '../connect-address.js';
import { groupsOf, type Group, type Groups } from '../groups.js';
import { notesAbout, notesOf } from '../placed-notes.js';
import { isCatchAll, routeOrder } from '../route-order.js';
import { Names } from '../names.js';
import type { Report } from '../report.js';
import { unwritten } from '../unwritten.js';
import { isAtLeast, type Version } from '../version.js';
import { forwardedLines } from './forwarded.js';
import { balanceLines, hashKeyOf, PLAIN } from './keys.js';
import { defaultLines, serverLines } from './server-lines.js';
import { section, time, word } from './text.js';

/** `balance hash` came with it. */
export const HAPROXY_VERSION: Version = [2, 6];

/** A whole haproxy.cfg. */
export function haproxyText(config: Config, version: Version, report: Report): string {
  if (!isAtLeast(version, HAPROXY_VERSION))
    report.say(
      '--target-version',
      `${version.join('.')} is written as ${HAPROXY_VERSION.join('.')}: older ones lack what is needed.`,
    );
  unwritten(config, 'HAProxy', report, { limits: ['headBytesMax', 'upstreamIdleMs', 'upstreamIdleMax'] });
  const groups = groupsOf(config, report);
  const noRoute = new Names(groups.all.map(({ name }) => name)).unique('sr-no-route');
  return [
    ...section('global', [
      `maxconn ${config.limits.connectionsMax}`,
      '# Where the system allows fewer open files it starts all the same, with fewer connections.',
      'no strict-limits',
      ...(config.workers === 'auto' ? [] : [`nbthread ${Math.min(config.workers, 64)}`]),
      `hard-stop-after ${time(Math.max(1000, config.shutdownGraceMs))}`,
    ]),
    ...section('defaults', [notesAbout(['limits.']), ...defaultLines(config)]),
    ...section('frontend stickyroute', frontendLines(config, groups, noRoute, report)),
    ...groups.all.flatMap((group) =>
      section(`backend ${group.name}`, upstreamLines(group, config, version, report)),
    ),
    ...(config.routes.some(isCatchAll)
      ? []
      : section(`backend ${noRoute}`, ['http-request return status 404'])),
  ].join('\n');
}

function frontendLines(config: Config, groups: Groups, noRoute: string, report: Report): string[] {
  const { listen, tls } = config;
  const port = listen.port === 0 ? 8080 : listen.port;
  const address = listen.host === undefined ? `:::${port} v4v6` : `${listen.host}:${port}`;
  const certFiles = (tls?.certificates ?? []).map(({ cert }) => cert.file);
  for (const file of certFiles)
    report.say(
      'tls',
      `names two files; HAProxy reads one. Put ${file} and the key behind it into one file, or copy the key to ${file}.key.`,
    );
  const rules = routeRules(config.routes, groups);
  const last = config.routes.find(isCatchAll);
  return [
    notesAbout(['listen', 'tls', 'trustedProxies', 'http2', 'expose']),
    `bind ${address}${tls === undefined ? '' : ' ssl'}${certFiles.map((file) => ` crt ${word(file)}`).join('')}${tls !== undefined && config.http2 ? ' alpn h2,http/1.1' : ''}`,
    ...forwardedLines(config.trustedProxies, tls !== undefined, report),
    ...(rules.length === 0
      ? []
      : [
          '# The first that fits: named hosts, then wildcards, then any; of each the longest path.',
          ...rules,
        ]),
    `default_backend ${last === undefined ? noRoute : groups.of(last).name}`,
  ];
}

function routeRules(routes: readonly RouteConfig[], groups: Groups): string[] {
  return routeOrder(routes)
    .filter(({ route }) => !isCatchAll(route))
    .map(({ route, host }) => {
      const conditions = [
        ...(host === undefined
          ? []
          : [
              `{ req.hdr(host),host_only,lower ${host.startsWith('*.') ? `-m end ${host.slice(1)}` : `-m str ${word(host)}`} }`,
            ]),
        // One path and all below it, never a longer last segment.
        ...(route.path === '/' ? [] : [`{ path,concat(/) -m beg ${word(`${route.path}/`)} }`]),
      ];
      return `use_backend ${groups.of(route).name} if ${conditions.join(' ')}`;
    });
}

function upstreamLines(group: Group, config: Config, version: Version, report: Report): string[] {
  const { cookie, routeCookie } = group.view;
  const servers = connections(group.pool.upstreams, undefined, group.poolAt, report);
  const hasSecret = config.keys.length > 0;
  return [
    notesOf(group),
    ...balanceLines(group, report),
    ...(cookie === undefined ? [] : cookieLines(group, config, report)),
    ...(routeCookie === undefined ? [] : routeCookieLines(group, report)),
    ...(config.expose ? ['http-response set-header x-upstream %s'] : []),
    ...serverLines(
      group,
      servers,
      `${cookie !== undefined && !hasSecret ? ' cookie ID' : ''}${hashKeyOf(group, version, report)}`,
      report,
    ),
  ];
}

function cookieLines(group: Group, config: Config, report: Report): string[] {
  const cookie = group.view.cookie!;
  const at = `${group.affinityAt} cookie ${cookie.name}`;
  const secret = config.keys[0];
  report.door(
    at,
    `is written in HAProxy's own format${secret === undefined ? ', the id in clear, for want of keys' : ', a hash that is no signature'}. Clients are bound anew once.`,
  );
  if (cookie.path !== '/') report.say(at, `path: ${cookie.path} is not carried over: HAProxy writes /.`);
  if (cookie.onFailure === 'borrow')
    report.say(
      at,
      'onFailure: borrow is not carried over: HAProxy binds users of an upstream that is down to another, for good.',
    );
  const isSecure = cookie.secure === 'always' || (cookie.secure === 'auto' && config.tls !== undefined);
  const attributes = [
    `cookie ${word(cookie.name)} insert indirect nocache`,
    cookie.httpOnly ? 'httponly' : '',
    isSecure ? 'secure' : '',
    cookie.domain === undefined ? '' : `domain ${cookie.domain}`,
    cookie.idle === undefined ? '' : `maxidle ${Math.ceil(cookie.idle / 1000)}`,
    cookie.absolute === undefined ? '' : `maxlife ${Math.ceil(cookie.absolute / 1000)}`,
    `attr SameSite=${cookie.sameSite[0]!.toUpperCase()}${cookie.sameSite.slice(1)}`,
    cookie.partitioned ? 'attr Partitioned' : '',
    secret === undefined ? '' : 'dynamic',
  ];
  return [
    "# insert: HAProxy writes the cookie. indirect: servers don't see it. nocache: no cache hands it to others.",
    attributes.filter((part) => part !== '').join(' '),
    ...(secret === undefined
      ? []
      : [
          '# A secret, made from the first of the keys: with it the cookie shows no names.',
          `dynamic-cookie-key ${createHmac('sha256', secret).update('haproxy dynamic-cookie-key').digest('hex').slice(0, 32)}`,
        ]),
    ...(cookie.onFailure === 'reject'
      ? [
          '# Whoever is bound to a server that is down waits for it: 503.',
          'option persist',
          'no option redispatch',
        ]
      : []),
  ];
}

/** The app's own cookie names the server. It is followed and never written. */
function routeCookieLines(group: Group, report: Report): string[] {
  const { name, onFailure } = group.view.routeCookie!;
  if (!PLAIN.test(name)) {
    report.say(
      `${group.affinityAt} routeCookie ${name}`,
      "is not carried over: HAProxy can't ask for such a name. Write it with letters, digits and . _ -.",
    );
    return [];
  }
  if (onFailure === 'reject')
    report.say(
      `${group.affinityAt} routeCookie ${name}`,
      'onFailure: reject is not carried over: HAProxy sends its users to another server.',
    );
  return [
    `# The cookie ${name} of the app names the server; where it is down, the others take its users.`,
    ...group.pool.upstreams.map(
      ({ id }) => `use-server ${id} if { req.cook(${word(name)}) -m str ${word(id)} }`,
    ),
  ];
}
