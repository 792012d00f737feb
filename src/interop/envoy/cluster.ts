import type { PoolConfig } from '../../control/config/config.js';
import { parseAddress } from '../../route/address.js';
import type { EnvoyRingOptions } from '../../route/placement/envoy-ring.js';
import type { EnvoyTableOptions } from '../../route/placement/envoy-table.js';
import { connections, ofOneScheme } from '../connect-address.js';
import type { Group } from '../groups.js';
import type { Limits } from '../../proxy/limits.js';
import type { Report } from '../report.js';
import { sayUnwrittenProbe } from '../unwritten-probe.js';
import { wholeWeights } from '../whole-weights.js';
import { envoyDuration } from './duration.js';

/** Envoy takes weights as 32 bits; their sum must fit too. */
const WEIGHT_MAX = 1_000_000;

/** What the placements that agree with Envoy have as options; others have none of these. */
type EnvoyOptions = Partial<EnvoyRingOptions & EnvoyTableOptions>;

const AGREEING: ReadonlySet<string> = new Set(['envoyRingHash', 'envoyMaglev']);

function envoyOptions({ placement }: PoolConfig): EnvoyOptions {
  return AGREEING.has(placement.name) ? (placement.options as EnvoyOptions) : {};
}

/** A cluster of the bootstrap's `static_resources`. */
export function cluster(group: Group, limits: Limits, report: Report): object {
  const { pool, poolAt } = group;
  const { isTls, upstreams } = ofOneScheme(pool.upstreams, poolAt, report);
  const servers = connections(upstreams, undefined, poolAt, report);
  sayUnwrittenProbe(pool.health, poolAt, report);
  const weights = wholeWeights(upstreams, WEIGHT_MAX, poolAt, report);
  const isStatic = servers.every(({ host }) => parseAddress(bare(host)) !== undefined);
  const options = envoyOptions(pool);
  const hashesIds = options.hashKey === 'id';
  return {
    name: group.name,
    type: isStatic ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: envoyDuration(limits.connectTimeMs),
    ...balancer(group, report),
    common_lb_config: {
      healthy_panic_threshold: { value: options.panicThreshold ?? 0 },
      // So that whoever is bound to a draining upstream still reaches it.
      ...(group.view.cookie !== undefined && {
        override_host_status: { statuses: ['UNKNOWN', 'HEALTHY', 'DEGRADED', 'DRAINING'] },
      }),
    },
    ...(pool.health !== undefined && {
      health_checks: [
        {
          timeout: envoyDuration(pool.health.timeoutMs),
          interval: envoyDuration(pool.health.everyMs),
          healthy_threshold: pool.health.healthyAfter,
          unhealthy_threshold: pool.health.unhealthyAfter,
          ...(pool.health.tcp === true
            ? { tcp_health_check: {} }
            : pool.health.grpc === undefined
              ? {
                  http_health_check: {
                    path: pool.health.path,
                    expected_statuses: [{ start: 200, end: 400 }],
                    ...(pool.http2 && { codec_client_type: 'HTTP2' }),
                  },
                }
              : { grpc_health_check: { service_name: pool.health.grpc } }),
        },
      ],
    }),
    ...(pool.passive.maxFails > 0 && { outlier_detection: outlierDetection(group, report) }),
    load_assignment: {
      cluster_name: group.name,
      endpoints: [
        {
          lb_endpoints: servers.map(({ upstream, host, port }, index) => ({
            endpoint: {
              address: { socket_address: { address: bare(host), port_value: port } },
              hostname: host,
            },
            load_balancing_weight: weights[index]!,
            ...(upstream.draining && { health_status: 'DRAINING' }),
            ...(hashesIds && { metadata: { filter_metadata: { 'envoy.lb': { hash_key: upstream.id } } } }),
          })),
        },
      ],
    },
    ...(pool.http2 && {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          explicit_http_config: {
            http2_protocol_options: { max_concurrent_streams: limits.upstreamStreamsMax },
          },
        },
      },
    }),
    ...(isTls && { transport_socket: tlsSocket(group) }),
  };
}

function balancer(group: Group, report: Report): object {
  const { pool, poolAt, view, balance } = group;
  const { name } = pool.placement;
  const options = envoyOptions(pool);
  if (view.keys.length === 0) {
    if (balance === 'roundRobin') return { lb_policy: 'ROUND_ROBIN' };
    return {
      lb_policy: 'LEAST_REQUEST',
      least_request_lb_config: {
        choice_count: balance === 'twoChoices' ? 2 : Math.min(100, Math.max(2, pool.upstreams.length)),
      },
    };
  }
  const isTable = name === 'envoyMaglev' || name === 'maglev';
  if (!AGREEING.has(name)) {
    report.say(
      `${poolAt}placement`,
      `${name} is written as ${name === 'ring' ? 'RING_HASH' : 'MAGLEV'}, which places keys elsewhere: they move once. To move them now, and not at the change, write placement: ${name === 'ring' ? 'envoyRingHash' : 'envoyMaglev'} first.`,
    );
    if (name !== 'ring') return { lb_policy: 'MAGLEV' };
  }
  if (isTable)
    return {
      lb_policy: 'MAGLEV',
      ...(options.tableSize !== undefined && { maglev_lb_config: { table_size: options.tableSize } }),
    };
  const ring = {
    ...(options.minRingSize !== undefined && { minimum_ring_size: options.minRingSize }),
    ...(options.maxRingSize !== undefined && { maximum_ring_size: options.maxRingSize }),
    ...(options.hash === 'murmur2' && { hash_function: 'MURMUR_HASH_2' }),
  };
  return { lb_policy: 'RING_HASH', ...(Object.keys(ring).length > 0 && { ring_hash_lb_config: ring }) };
}

/** Envoy counts in a row, and answers with 5xx too; here only failed connections count, as with us. */
function outlierDetection({ pool, poolAt }: Group, report: Report): object {
  const { maxFails, failTimeoutMs } = pool.passive;
  report.say(
    `${poolAt}passive`,
    'is written as outlier_detection: Envoy counts failed connections in a row, and longer each time.',
  );
  return {
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: maxFails,
    enforcing_consecutive_local_origin_failure: 100,
    enforcing_local_origin_success_rate: 0,
    enforcing_consecutive_5xx: 0,
    enforcing_consecutive_gateway_failure: 0,
    enforcing_success_rate: 0,
    base_ejection_time: envoyDuration(failTimeoutMs),
    max_ejection_percent: 100,
  };
}

function tlsSocket({ pool }: Group): object {
  const { ca, insecure } = pool.tls;
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      auto_host_sni: true,
      ...(!insecure && { auto_sni_san_validation: true }),
      ...((!insecure || pool.http2) && {
        common_tls_context: {
          ...(pool.http2 && { alpn_protocols: ['h2'] }),
          ...(!insecure && {
            validation_context: {
              trusted_ca: { filename: ca?.file ?? '/etc/ssl/certs/ca-certificates.crt' },
            },
          }),
        },
      }),
    },
  };
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
