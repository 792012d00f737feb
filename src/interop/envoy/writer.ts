import { Document, isMap, isSeq } from 'yaml';
import type { Config } from '../../control/config/config.js';
import { groupsOf, type Groups } from '../groups.js';
import { notesOf } from '../placed-notes.js';
import type { Report } from '../report.js';
import { unwritten } from '../unwritten.js';
import type { Version } from '../version.js';
import { cluster } from './cluster.js';
import { envoyDuration } from './duration.js';
import { hasSessions, routeConfiguration } from './routes.js';

/** `xff_trusted_cidrs` and attributes of session cookies came by then. */
export const ENVOY_VERSION: Version = [1, 33];

/** Why a setting is as it is, by its name; written once, where it stands first. */
const COMMENTS: Readonly<Record<string, string>> = {
  use_remote_address: " The address that connects is the client's; what it says of itself is replaced.",
  original_ip_detection_extensions: ' X-Forwarded-For is believed where one of these sent it.',
  upgrade_configs: ' WebSocket passes.',
  ignore_port_in_host_matching: ' Routes match by name alone.',
  hash_policy: ' A request without any of these goes to a random upstream.',
  timeout: ' No limit to a whole answer: event streams would end.',
  typed_per_filter_config:
    ' Envoy names the upstream in a cookie of its own; the hash places whoever has none.',
  healthy_panic_threshold:
    ' Below this share of usable upstreams Envoy sends to those that are down, too. 0: never.',
  outlier_detection: ' Only failed connections count, as with stickyroute.',
  override_host_status: ' Whoever is bound to a draining upstream still reaches it.',
};

/** A whole bootstrap file in YAML. */
export function envoyText(config: Config, _version: Version, report: Report): string {
  if (config.trustedProxies.length > 0)
    report.door(
      'trustedProxies',
      'decide there whose address counts, and no more: what others claim in X-Forwarded-* is passed on.',
    );
  unwritten(config, 'Envoy', report, {
    limits: ['connectionsMax', 'tunnelIdleMs', 'upstreamIdleMs', 'upstreamIdleMax'],
  });
  const groups = groupsOf(config, report);
  const { listen, tls, limits } = config;
  const value = {
    static_resources: {
      listeners: [
        {
          name: 'stickyroute',
          address: {
            socket_address: {
              address: listen.host ?? '::',
              port_value: listen.port === 0 ? 8080 : listen.port,
              ...(listen.host === undefined && { ipv4_compat: true }),
            },
          },
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.http_connection_manager',
                  typed_config: {
                    '@type':
                      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                    stat_prefix: 'stickyroute',
                    ...clientAddress(config.trustedProxies),
                    upgrade_configs: [{ upgrade_type: 'websocket' }],
                    common_http_protocol_options: {
                      idle_timeout: envoyDuration(limits.idleTimeMs),
                      max_headers_count: limits.fieldsMax,
                    },
                    max_request_headers_kb: Math.ceil(limits.headBytesMax / 1024),
                    request_headers_timeout: envoyDuration(limits.headTimeMs),
                    stream_idle_timeout: envoyDuration(limits.bodyIdleMs),
                    route_config: routeConfiguration(config, groups, report),
                    http_filters: [
                      ...(hasSessions(groups)
                        ? [
                            {
                              name: 'envoy.filters.http.stateful_session',
                              typed_config: {
                                '@type':
                                  'type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
                              },
                            },
                          ]
                        : []),
                      {
                        name: 'envoy.filters.http.router',
                        typed_config: {
                          '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                        },
                      },
                    ],
                  },
                },
              ],
              ...(tls !== undefined && {
                transport_socket: {
                  name: 'envoy.transport_sockets.tls',
                  typed_config: {
                    '@type':
                      'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
                    common_tls_context: {
                      tls_certificates: tls.certificates.map(({ cert, key }) => ({
                        certificate_chain: { filename: cert.file },
                        private_key: { filename: key.file },
                      })),
                    },
                  },
                },
              }),
            },
          ],
        },
      ],
      clusters: groups.all.map((group) => cluster(group, limits, report)),
    },
  };
  return commented(value, groups);
}

function clientAddress(trustedProxies: readonly string[]): object {
  if (trustedProxies.length === 0) return { use_remote_address: true };
  const cidrs = trustedProxies.map((range) => {
    const [address_prefix, bits] = range.split('/');
    return {
      address_prefix,
      prefix_len: bits === undefined ? (range.includes(':') ? 128 : 32) : Number(bits),
    };
  });
  return {
    use_remote_address: false,
    original_ip_detection_extensions: [
      {
        name: 'envoy.http.original_ip_detection.xff',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig',
          xff_trusted_cidrs: { cidrs },
          skip_xff_append: false,
        },
      },
    ],
  };
}

function commented(value: object, groups: Groups): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  const left = new Map(Object.entries(COMMENTS));
  const walk = (node: unknown): void => {
    if (isSeq(node)) node.items.forEach(walk);
    if (!isMap(node)) return;
    for (const { key, value: inner } of node.items) {
      const name = String((key as { readonly value: unknown }).value);
      const comment = left.get(name);
      if (
        comment !== undefined &&
        (inner as { readonly value?: unknown } | null)?.value !== false &&
        left.delete(name)
      )
        (key as { commentBefore?: string }).commentBefore = comment;
      walk(inner);
    }
  };
  walk(document.contents);
  groups.all.forEach((group, index) => {
    const node = document.getIn(['static_resources', 'clusters', index], true) as { commentBefore?: string };
    node.commentBefore = notesOf(group).slice(1);
  });
  return document.toString({ lineWidth: 0 });
}
