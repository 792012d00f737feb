import type { Config, RouteConfig } from '../../control/config/config.js';
import type { KeySource } from '../affinity-view.js';
import type { Group, Groups } from '../groups.js';
import { HEARSAY_FIELDS } from '../hearsay.js';
import { hostRoutes } from '../host-routes.js';
import type { Report } from '../report.js';
import { envoyDuration } from './duration.js';

const SESSION = 'envoy.filters.http.stateful_session';

/** The route table of the HTTP connection manager. */
export function routeConfiguration(config: Config, groups: Groups, report: Report): object {
  return {
    name: 'stickyroute',
    ignore_port_in_host_matching: true,
    virtual_hosts: hostRoutes(config.routes).map(({ host, routes }) => ({
      name: host ?? 'any',
      domains: [host ?? '*'],
      routes: [
        ...routes.map((route) => envoyRoute(route, config, groups.of(route), report)),
        ...(routes.some(({ path }) => path === '/')
          ? []
          : [{ match: { prefix: '/' }, direct_response: { status: 404 } }]),
      ],
    })),
    request_headers_to_add: [
      ...(config.trustedProxies.length > 0
        ? []
        : [overwriting('x-forwarded-for', CLIENT), overwriting('x-forwarded-host', '%REQ(:AUTHORITY)%')]),
      overwriting('x-real-ip', CLIENT),
    ],
    ...(config.trustedProxies.length === 0 && { request_headers_to_remove: [...HEARSAY_FIELDS] }),
    ...(config.expose && {
      response_headers_to_add: [{ header: { key: 'x-upstream', value: '%UPSTREAM_REMOTE_ADDRESS%' } }],
    }),
  };
}

const CLIENT = '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%';

/** Envoy itself would add to what a client claims. */
function overwriting(key: string, value: string): object {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

export function hasSessions(groups: Groups): boolean {
  return groups.all.some(({ view }) => view.cookie !== undefined);
}

function envoyRoute(route: RouteConfig, { limits }: Config, group: Group, report: Report): object {
  const policies = group.view.keys.map((key, index) => ({
    ...hashPolicy(key, group, index, report),
    // The first that is there decides alone, as in our rules.
    ...(index < group.view.keys.length - 1 && { terminal: true }),
  }));
  if (group.view.routeCookie !== undefined)
    report.say(
      `${group.affinityAt} routeCookie ${group.view.routeCookie.name}`,
      'is not carried over: Envoy follows only cookies that it wrote itself.',
    );
  return {
    match: route.path === '/' ? { prefix: '/' } : { path_separated_prefix: route.path },
    route: {
      cluster: group.name,
      ...(policies.length > 0 && { hash_policy: policies }),
      timeout: envoyDuration(0),
      idle_timeout: envoyDuration(limits.answerTimeMs),
      retry_policy: {
        retry_on: 'connect-failure,refused-stream',
        num_retries: limits.triesMax - 1,
        retry_host_predicate: [previousHosts],
        host_selection_retry_max_attempts: 5,
      },
    },
    ...(group.view.cookie !== undefined && {
      typed_per_filter_config: { [SESSION]: session(group, report) },
    }),
  };
}

const previousHosts = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
  },
};

function hashPolicy(key: KeySource, { affinityAt, view }: Group, index: number, report: Report): object {
  switch (key.kind) {
    case 'header':
      return { header: { header_name: key.name } };
    case 'query':
      report.say(
        affinityAt,
        `query ${key.name}: Envoy hashes it as it is sent. stickyroute decodes values with % or +, and places those elsewhere.`,
      );
      return { query_parameter: { name: key.name } };
    case 'cookie':
      return { cookie: { name: key.name } };
    case 'ip':
      if (key.prefix4 !== 32 || key.prefix6 !== 128)
        report.say(affinityAt, 'ip: prefix4 and prefix6 are not carried over: Envoy hashes whole addresses.');
      return { connection_properties: { source_ip: true } };
    case 'path': {
      const literal = (segments: readonly string[]): string =>
        segments.map((segment) => `/${segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`).join('');
      report.say(
        affinityAt,
        `path ${key.pattern}: where it does not fit, Envoy hashes the whole path${index < view.keys.length - 1 ? ', and asks no rule behind it' : ''}.`,
      );
      return {
        header: {
          header_name: ':path',
          regex_rewrite: {
            pattern: { regex: `^${literal(key.before)}/([^/?]+)${literal(key.after)}([/?].*)?$` },
            substitution: '\\1',
          },
        },
      };
    }
  }
}

function session({ view, affinityAt }: Group, report: Report): object {
  const cookie = view.cookie!;
  const at = `${affinityAt} cookie ${cookie.name}`;
  report.door(
    at,
    "is written in Envoy's own format, the address in base64, which anybody can forge. Clients are bound anew once.",
  );
  if (cookie.idle !== undefined)
    report.say(at, 'idle is not carried over: Envoy writes the cookie only when it changes.');
  if (cookie.onFailure === 'borrow')
    report.say(
      at,
      'onFailure: borrow is not carried over: Envoy binds users of an upstream that is down to another, for good.',
    );
  const attributes = [
    { name: 'SameSite', value: `${cookie.sameSite[0]!.toUpperCase()}${cookie.sameSite.slice(1)}` },
    ...(cookie.domain === undefined ? [] : [{ name: 'Domain', value: cookie.domain }]),
    ...(cookie.secure === 'always' ? [{ name: 'Secure' }] : []),
    ...(cookie.partitioned ? [{ name: 'Partitioned' }] : []),
  ];
  if (!cookie.httpOnly) report.say(at, 'httpOnly: false is not carried over: Envoy always writes it.');
  if (cookie.secure === 'auto')
    report.say(
      at,
      'secure: auto is written without Secure. Write secure: always where the site has HTTPS only.',
    );
  return {
    '@type': `type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute`,
    stateful_session: {
      session_state: {
        name: 'envoy.http.stateful_session.cookie',
        typed_config: {
          '@type':
            'type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState',
          cookie: {
            name: cookie.name,
            path: cookie.path,
            ttl: envoyDuration(cookie.absolute ?? 0),
            attributes,
          },
        },
      },
      ...(cookie.onFailure === 'reject' && { strict: true }),
    },
  };
}
