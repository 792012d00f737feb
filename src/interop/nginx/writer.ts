import type { Config, RouteConfig } from '../../control/config/config.js';
import { groupsOf, type Group } from '../groups.js';
import { hostRoutes } from '../host-routes.js';
import { lowerCase, Names } from '../names.js';
import { notesAbout, notesOf } from '../placed-notes.js';
import type { Report } from '../report.js';
import { isAtLeast, type Version } from '../version.js';
import { unwritten } from '../unwritten.js';
import { cookieMap, type CookieMap } from './cookie-map.js';
import { forwardedFields } from './forwarded.js';
import { block, literal, time, word } from './text.js';
import { canStick, upstreamBlock, type UpstreamBlock } from './upstream-block.js';

/**
 * Without a word about the version the oldest that people run: what is written for it runs on all later ones
 * too.
 */
export const NGINX_VERSION: Version = [1, 18];

interface Passed {
  readonly block: UpstreamBlock;
  readonly map: CookieMap | undefined;
}

/** `http2 on;`, before that an option of `listen`; and HTTP/2 towards upstreams of any kind. */
const HTTP2_DIRECTIVE_SINCE: Version = [1, 25, 1];
const HTTP2_PASS_SINCE: Version = [1, 29, 4];

/** A whole nginx.conf for the free edition. */
export function nginxText(config: Config, version: Version, report: Report): string {
  unwritten(config, 'nginx', report, {
    limits: ['tunnelIdleMs'],
    probes: 'the free edition probes nobody, only failed requests count (passive)',
    ...(isAtLeast(version, HTTP2_PASS_SINCE)
      ? {}
      : { http2: 'nginx passes on by HTTP/2 since 1.29.4. For gRPC alone, write grpc_pass for proxy_pass' }),
  });
  // HTTP/2 without TLS is left out: with it a plain port of nginx would take HTTP/2 alone.
  const groups = groupsOf(config, report);
  const context = { version, limits: config.limits, isTlsListener: config.tls !== undefined, report };
  const names = new Names(
    groups.all.map(({ name }) => name),
    lowerCase,
  );
  const passed = new Map<Group, Passed>();
  for (const group of groups.all) {
    const upstreams = upstreamBlock(group, context);
    passed.set(group, {
      block: upstreams,
      map: canStick(group, version) ? undefined : cookieMap(upstreams, names, config.limits, report),
    });
  }
  const body = [
    ...forwardedFields(config.trustedProxies, report),
    ...[...passed.values()].flatMap(({ block: { group, lines }, map }) => [
      '',
      notesOf(group),
      ...lines,
      ...(map?.lines ?? []),
    ]),
    ...exposeMap(config, [...passed.values()]),
    ...hostRoutes(config.routes).flatMap(({ host, routes }) => [
      '',
      ...serverBlock({ config, version }, host, routes, (route) => passed.get(groups.of(route))!),
    ]),
  ];
  const http = [
    notesAbout(['limits.', 'listen', 'tls', 'trustedProxies', 'http2', 'expose']),
    ...limitLines(config),
    ...bucketLines(config, body),
    '',
    ...body,
  ];
  const lines = [
    `worker_processes ${config.workers};`,
    `worker_shutdown_timeout ${time(Math.max(1000, config.shutdownGraceMs))};`,
    '',
    ...block('events', [
      '# Every request in progress has two connections.',
      `worker_connections ${config.limits.connectionsMax * 2};`,
    ]),
    '',
    ...block('http', http),
  ];
  return `${lines.join('\n')}\n`;
}

function limitLines({ limits, accessLog, routes }: Config): string[] {
  const longest = Math.max(0, ...routes.flatMap(({ hosts }) => hosts.map((host) => host.length)));
  return [
    ...(accessLog ? [] : ['access_log off;']),
    ...(longest > 30 ? ['server_names_hash_bucket_size 512;'] : []),
    `client_header_timeout ${time(limits.headTimeMs)};`,
    `client_body_timeout ${time(limits.bodyIdleMs)};`,
    `send_timeout ${time(limits.bodyIdleMs)};`,
    `keepalive_timeout ${time(limits.idleTimeMs)};`,
    `large_client_header_buffers 4 ${Math.ceil(limits.headBytesMax / 1024)}k;`,
    '# stickyroute sets no limit to a body, and nginx does unless told otherwise.',
    'client_max_body_size 0;',
    '# Answers are passed on as they come: an event stream would wait in a buffer.',
    'proxy_buffering off;',
    `proxy_connect_timeout ${time(limits.connectTimeMs)};`,
    '# This is also how long a WebSocket may be silent: nginx has one limit for both.',
    `proxy_read_timeout ${time(limits.answerTimeMs)};`,
    `proxy_send_timeout ${time(limits.bodyIdleMs)};`,
    '# Another upstream is tried only where that is safe: nothing was answered, and the method may be repeated.',
    'proxy_next_upstream error timeout;',
    `proxy_next_upstream_tries ${limits.triesMax};`,
  ];
}

/** nginx's tables of names have places of 64 bytes, and it does not start with a name that is longer. */
function bucketLines({ pools }: Config, body: readonly string[]): string[] {
  const hasLongVariable = body.some((line) => /\$\w{31}/.test(line));
  const hasLongId = pools.some(({ upstreams }) => upstreams.some(({ id }) => id.length > 30));
  return [
    ...(hasLongVariable ? ['variables_hash_bucket_size 512;'] : []),
    ...(hasLongId ? ['map_hash_bucket_size 512;'] : []),
  ];
}

/** `x-upstream`, by the address that answered. */
function exposeMap(config: Config, all: readonly Passed[]): string[] {
  if (!config.expose) return [];
  const ids = new Map(
    all.flatMap(({ block: { connections } }) =>
      connections.map(({ host, port, upstream }) => [`${host}:${port}`, upstream.id] as const),
    ),
  );
  return [
    '',
    ...block('map $upstream_addr $sr_upstream', [
      ...[...ids].map(([address, id]) => `${word(`~(?:^|[ ,])${literal(address)}$`)} ${id};`),
      'default $upstream_addr;',
    ]),
  ];
}

interface Ground {
  readonly config: Config;
  readonly version: Version;
}

function serverBlock(
  ground: Ground,
  host: string | undefined,
  routes: readonly RouteConfig[],
  passedBy: (route: RouteConfig) => Passed,
): string[] {
  const { listen, tls, http2 } = ground.config;
  const port = listen.port === 0 ? 8080 : listen.port;
  const isNew = isAtLeast(ground.version, HTTP2_DIRECTIVE_SINCE);
  const isHttp2 = http2 && tls !== undefined;
  const options = `${tls === undefined ? '' : ' ssl'}${isHttp2 && !isNew ? ' http2' : ''}${host === undefined ? ' default_server' : ''}`;
  const addresses =
    listen.host === undefined
      ? [`${port}`, `[::]:${port}`]
      : [`${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`];
  return block('server', [
    ...addresses.map((address) => `listen ${address}${options};`),
    ...(isHttp2 && isNew ? ['http2 on;'] : []),
    `server_name ${host ?? '""'};`,
    ...(tls?.certificates ?? []).flatMap(({ cert, key }) => [
      `ssl_certificate ${word(cert.file)};`,
      `ssl_certificate_key ${word(key.file)};`,
    ]),
    ...routes.flatMap((route) => locations(route, ground, passedBy(route))),
    ...(routes.some(({ path }) => path === '/') ? [] : ['location / { return 404; }']),
  ]);
}

/** A prefix by whole segments takes two locations in nginx. */
function locations(
  route: RouteConfig,
  { config, version }: Ground,
  { block: upstreams, map }: Passed,
): string[] {
  const { group, isTls } = upstreams;
  const body = [
    `proxy_pass ${isTls ? 'https' : 'http'}://${map?.variable ?? group.name};`,
    ...(group.pool.http2 && isAtLeast(version, HTTP2_PASS_SINCE) ? ['proxy_http_version 2;'] : []),
    ...(isTls ? tlsLines(upstreams) : []),
    ...(map?.location ?? []),
    ...(config.expose ? ['add_header x-upstream $sr_upstream always;'] : []),
  ];
  if (route.path === '/') return block('location /', body);
  // nginx compares the path as it is once decoded.
  const path = decoded(route.path);
  return [...block(`location = ${word(path)}`, body), ...block(`location ${word(`${path}/`)}`, body)];
}

function tlsLines({ group, connections }: UpstreamBlock): string[] {
  const { ca, insecure } = group.pool.tls;
  if (insecure)
    return ['proxy_ssl_verify off;', 'proxy_ssl_server_name on;', `proxy_ssl_name ${connections[0]!.host};`];
  return [
    'proxy_ssl_verify on;',
    "# nginx checks certificates against this file alone; Debian keeps the system's authorities there.",
    `proxy_ssl_trusted_certificate ${word(ca?.file ?? '/etc/ssl/certs/ca-certificates.crt')};`,
    'proxy_ssl_server_name on;',
    '# One name for all upstreams of a group: nginx has no more.',
    `proxy_ssl_name ${connections[0]!.host};`,
  ];
}

/** Escapes that are no UTF-8 stay as they are; such a location matches nothing in nginx either way. */
function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
