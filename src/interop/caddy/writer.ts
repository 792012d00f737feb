import type { Config } from '../../control/config/config.js';
import { connections, ofOneScheme } from '../connect-address.js';
import { groupsOf, type Group } from '../groups.js';
import { HEARSAY_FIELDS, hearsayNote } from '../hearsay.js';
import type { Report } from '../report.js';
import { sayUnwrittenProbe } from '../unwritten-probe.js';
import { notesAbout, notesOf } from '../placed-notes.js';
import { isCatchAll, routeOrder, type RouteMatch } from '../route-order.js';
import { unwritten } from '../unwritten.js';
import { isAtLeast, type Version } from '../version.js';
import { policyLines, type PolicyContext } from './policy.js';
import { block, time, word } from './text.js';

/** From here on it hashes as it does now. */
export const CADDY_VERSION: Version = [2, 8];

/** `lb_retries`, and `trusted_proxies` for the whole server. */
const RETRIES_SINCE: Version = [2, 6];
const CLIENT_IP_SINCE: Version = [2, 7];
const NEW_NAMES_SINCE: Version = [2, 8];

/** A whole Caddyfile. */
export function caddyText(config: Config, version: Version, report: Report): string {
  unwritten(config, 'Caddy', report, { limits: ['bodyIdleMs', 'tunnelIdleMs', 'connectionsMax'] });
  const groups = groupsOf(config, report);
  const context = { config, version, report };
  const { listen, tls } = config;
  const order = routeOrder(config.routes);
  const site = [
    ...(listen.host === undefined ? [] : [`bind ${listen.host}`]),
    ...(tls?.certificates ?? []).map(({ cert, key }) => `tls ${word(cert.file)} ${word(key.file)}`),
    ...(config.accessLog ? ['log'] : []),
    '# route keeps this order; the first handle that fits is the only one.',
    ...block('route', [
      ...order.flatMap((match, index) => handle(match, index + 1, groups.of(match.route).name)),
      ...(config.routes.some(isCatchAll) ? [] : block('handle', ['respond 404'])),
    ]),
  ];
  const lines = [
    notesAbout(['limits.', 'listen', 'tls', 'trustedProxies', 'http2', 'expose']),
    ...block('', globalLines(config, version)),
    '',
    ...groups.all.flatMap((group) => [
      notesOf(group),
      ...block(`(${group.name})`, proxyLines(group, context)),
      '',
    ]),
    ...block(`:${listen.port === 0 ? 8080 : listen.port}`, site),
  ];
  return `${lines.join('\n')}\n`;
}

function globalLines({ limits, shutdownGraceMs, trustedProxies, tls }: Config, version: Version): string[] {
  return [
    ...(tls === undefined
      ? ['# No certificates are fetched: this serves plain HTTP.', 'auto_https off']
      : ['auto_https disable_redirects']),
    `grace_period ${time(shutdownGraceMs)}`,
    ...block('servers', [
      ...block('timeouts', [`read_header ${time(limits.headTimeMs)}`, `idle ${time(limits.idleTimeMs)}`]),
      `max_header_size ${limits.headBytesMax}`,
      ...(trustedProxies.length > 0 && isAtLeast(version, CLIENT_IP_SINCE)
        ? [
            "# Their X-Forwarded-* is believed, nobody else's.",
            `trusted_proxies static ${trustedProxies.join(' ')}`,
          ]
        : []),
    ]),
  ];
}

function handle({ route, host }: RouteMatch, number: number, snippet: string): string[] {
  if (host === undefined && route.path === '/') return block('handle', [`import ${snippet}`]);
  const matcher = [
    // Caddy's own wildcard stands for one label; ours for one or more.
    ...(host === undefined
      ? []
      : [
          host.startsWith('*.')
            ? `header_regexp Host (?i)^.+${host.slice(1).replaceAll('.', '\\.')}(:[0-9]+)?$`
            : `host ${host}`,
        ]),
    ...(route.path === '/' ? [] : [`path ${word(route.path)} ${word(`${route.path}/*`)}`]),
  ];
  return [...block(`@route-${number}`, matcher), ...block(`handle @route-${number}`, [`import ${snippet}`])];
}

function proxyLines(group: Group, context: PolicyContext): string[] {
  const { pool, poolAt, affinityAt, view } = group;
  const { config, version, report } = context;
  const { limits, trustedProxies } = config;
  const { isTls, upstreams } = ofOneScheme(pool.upstreams, poolAt, report);
  const draining = upstreams.filter((upstream) => upstream.draining);
  for (const { id } of draining)
    report.say(
      `${poolAt}upstreams.${id}.draining`,
      draining.length === upstreams.length
        ? 'is not carried over: all of the pool are.'
        : "leaves the upstream out: Caddy can't keep one for those who are bound to it.",
    );
  if (view.routeCookie !== undefined)
    report.say(
      `${affinityAt} routeCookie ${view.routeCookie.name}`,
      'is not carried over: Caddy follows only cookies that it wrote itself.',
    );
  const servers = connections(
    draining.length === upstreams.length ? upstreams : upstreams.filter((upstream) => !upstream.draining),
    isTls ? 443 : 80,
    poolAt,
    report,
  );
  const { health, passive } = pool;
  const isNew = isAtLeast(version, NEW_NAMES_SINCE);
  if (health !== undefined && health.path === undefined)
    report.say(
      `${poolAt}health`,
      `is not carried over: Caddy asks for a path, and not by ${health.grpc === undefined ? 'a connection alone' : 'gRPC'}.`,
    );
  else sayUnwrittenProbe(health, poolAt, report);
  if (health?.path !== undefined) {
    report.say(`${poolAt}health`, 'takes only 2xx for well there, not 3xx.');
    if (!isNew && (health.healthyAfter !== 1 || health.unhealthyAfter !== 1))
      report.say(
        `${poolAt}health`,
        'healthyAfter and unhealthyAfter are not carried over: before 2.8 Caddy believes one probe.',
      );
  }
  if (trustedProxies.length > 0) report.say('trustedProxies', hearsayNote('Caddy'));
  return block('reverse_proxy', [
    `to ${servers.map(({ address }) => `${isTls ? 'https' : 'http'}://${address}`).join(' ')}`,
    ...policyLines(group, context),
    ...(isAtLeast(version, RETRIES_SINCE)
      ? [`lb_retries ${limits.triesMax - 1}`]
      : [`lb_try_duration ${time(limits.connectTimeMs)}`]),
    ...(health?.path === undefined
      ? []
      : [
          `health_uri ${word(health.path)}`,
          `health_interval ${time(health.everyMs)}`,
          `health_timeout ${time(health.timeoutMs)}`,
          ...(isNew ? [`health_passes ${health.healthyAfter}`, `health_fails ${health.unhealthyAfter}`] : []),
        ]),
    ...(passive.maxFails === 0
      ? []
      : [`fail_duration ${time(passive.failTimeoutMs)}`, `max_fails ${passive.maxFails}`]),
    '# Answers are passed on as they come.',
    'flush_interval -1',
    ...(trustedProxies.length > 0 && !isAtLeast(version, CLIENT_IP_SINCE)
      ? [`trusted_proxies ${trustedProxies.join(' ')}`]
      : []),
    "# X-Forwarded-For, -Proto and -Host are Caddy's own doing.",
    `header_up X-Real-IP ${isAtLeast(version, CLIENT_IP_SINCE) ? '{client_ip}' : '{remote_host}'}`,
    ...(trustedProxies.length === 0 ? HEARSAY_FIELDS.map((name) => `header_up -${name}`) : []),
    ...(config.expose ? ['header_down x-upstream {http.reverse_proxy.upstream.hostport}'] : []),
    ...block('transport http', [
      `dial_timeout ${time(limits.connectTimeMs)}`,
      `response_header_timeout ${time(limits.answerTimeMs)}`,
      `keepalive ${time(limits.upstreamIdleMs)}`,
      `keepalive_idle_conns_per_host ${Math.max(1, limits.upstreamIdleMax)}`,
      ...(pool.http2 ? [`versions ${isTls ? '2' : 'h2c'}`] : []),
      ...(isTls ? tlsLines(group, isNew) : []),
    ]),
  ]);
}

function tlsLines({ pool }: Group, isNew: boolean): string[] {
  const { ca, insecure } = pool.tls;
  return [
    'tls',
    ...(insecure ? ['tls_insecure_skip_verify'] : []),
    ...(ca === undefined
      ? []
      : [isNew ? `tls_trust_pool file ${word(ca.file)}` : `tls_trusted_ca_certs ${word(ca.file)}`]),
  ];
}
