/**
 * The fields of Envoy's messages that an export may use, by the names and types of the published proto files
 * (envoyproxy/data-plane-api at 84e84367, 2026-01). `*` behind a type: repeated. Envoy itself is not among
 * the programs that the tests run.
 */
export const ENVOY_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Bootstrap: { static_resources: 'StaticResources' },
  StaticResources: { listeners: 'Listener*', clusters: 'Cluster*' },
  Listener: { name: 'string', address: 'Address', filter_chains: 'FilterChain*' },
  Address: { socket_address: 'SocketAddress' },
  SocketAddress: { address: 'string', port_value: 'uint32', ipv4_compat: 'bool' },
  FilterChain: { filters: 'Filter*', transport_socket: 'TransportSocket' },
  Filter: { name: 'string', typed_config: 'Any' },
  HttpFilter: { name: 'string', typed_config: 'Any' },
  TransportSocket: { name: 'string', typed_config: 'Any' },
  TypedExtensionConfig: { name: 'string', typed_config: 'Any' },
  HttpConnectionManager: {
    stat_prefix: 'string',
    use_remote_address: 'bool',
    original_ip_detection_extensions: 'TypedExtensionConfig*',
    upgrade_configs: 'UpgradeConfig*',
    common_http_protocol_options: 'HttpProtocolOptions',
    max_request_headers_kb: 'uint32',
    request_headers_timeout: 'Duration',
    stream_idle_timeout: 'Duration',
    route_config: 'RouteConfiguration',
    http_filters: 'HttpFilter*',
  },
  UpgradeConfig: { upgrade_type: 'string' },
  HttpProtocolOptions: { idle_timeout: 'Duration', max_headers_count: 'uint32' },
  RouteConfiguration: {
    name: 'string',
    ignore_port_in_host_matching: 'bool',
    virtual_hosts: 'VirtualHost*',
    request_headers_to_add: 'HeaderValueOption*',
    request_headers_to_remove: 'string*',
    response_headers_to_add: 'HeaderValueOption*',
  },
  HeaderValueOption: {
    header: 'HeaderValue',
    append_action: 'APPEND_IF_EXISTS_OR_ADD|ADD_IF_ABSENT|OVERWRITE_IF_EXISTS_OR_ADD|OVERWRITE_IF_EXISTS',
  },
  HeaderValue: { key: 'string', value: 'string' },
  VirtualHost: { name: 'string', domains: 'string*', routes: 'Route*' },
  Route: {
    match: 'RouteMatch',
    route: 'RouteAction',
    direct_response: 'DirectResponseAction',
    typed_per_filter_config: 'AnyMap',
  },
  RouteMatch: { prefix: 'string', path_separated_prefix: 'string' },
  DirectResponseAction: { status: 'uint32' },
  RouteAction: {
    cluster: 'string',
    hash_policy: 'HashPolicy*',
    timeout: 'Duration',
    idle_timeout: 'Duration',
    retry_policy: 'RetryPolicy',
  },
  HashPolicy: {
    header: 'HashPolicyHeader',
    query_parameter: 'QueryParameter',
    cookie: 'HashPolicyCookie',
    connection_properties: 'ConnectionProperties',
    terminal: 'bool',
  },
  HashPolicyHeader: { header_name: 'string', regex_rewrite: 'RegexMatchAndSubstitute' },
  RegexMatchAndSubstitute: { pattern: 'RegexMatcher', substitution: 'string' },
  RegexMatcher: { regex: 'string' },
  HashPolicyCookie: { name: 'string' },
  QueryParameter: { name: 'string' },
  ConnectionProperties: { source_ip: 'bool' },
  RetryPolicy: {
    retry_on: 'string',
    num_retries: 'uint32',
    retry_host_predicate: 'RetryHostPredicate*',
    host_selection_retry_max_attempts: 'uint32',
  },
  RetryHostPredicate: { name: 'string', typed_config: 'Any' },
  PreviousHostsPredicate: {},
  Router: {},
  StatefulSession: { session_state: 'TypedExtensionConfig', strict: 'bool' },
  StatefulSessionPerRoute: { stateful_session: 'StatefulSession' },
  CookieBasedSessionState: { cookie: 'Cookie' },
  Cookie: { name: 'string', ttl: 'Duration', path: 'string', attributes: 'CookieAttribute*' },
  CookieAttribute: { name: 'string', value: 'string' },
  XffConfig: { xff_trusted_cidrs: 'XffTrustedCidrs', skip_xff_append: 'bool' },
  XffTrustedCidrs: { cidrs: 'CidrRange*' },
  CidrRange: { address_prefix: 'string', prefix_len: 'uint32' },
  Cluster: {
    name: 'string',
    type: 'STATIC|STRICT_DNS',
    connect_timeout: 'Duration',
    lb_policy: 'ROUND_ROBIN|LEAST_REQUEST|RING_HASH|MAGLEV',
    least_request_lb_config: 'LeastRequestLbConfig',
    ring_hash_lb_config: 'RingHashLbConfig',
    maglev_lb_config: 'MaglevLbConfig',
    common_lb_config: 'CommonLbConfig',
    health_checks: 'HealthCheck*',
    outlier_detection: 'OutlierDetection',
    load_assignment: 'ClusterLoadAssignment',
    transport_socket: 'TransportSocket',
  },
  LeastRequestLbConfig: { choice_count: 'uint32' },
  RingHashLbConfig: {
    minimum_ring_size: 'uint32',
    maximum_ring_size: 'uint32',
    hash_function: 'XX_HASH|MURMUR_HASH_2',
  },
  MaglevLbConfig: { table_size: 'uint32' },
  CommonLbConfig: { healthy_panic_threshold: 'Percent', override_host_status: 'HealthStatusSet' },
  Percent: { value: 'uint32' },
  HealthStatusSet: { statuses: 'UNKNOWN|HEALTHY|UNHEALTHY|DRAINING|TIMEOUT|DEGRADED*' },
  HealthCheck: {
    timeout: 'Duration',
    interval: 'Duration',
    unhealthy_threshold: 'uint32',
    healthy_threshold: 'uint32',
    http_health_check: 'HttpHealthCheck',
  },
  HttpHealthCheck: { path: 'string', expected_statuses: 'Int64Range*' },
  Int64Range: { start: 'uint32', end: 'uint32' },
  OutlierDetection: {
    split_external_local_origin_errors: 'bool',
    consecutive_local_origin_failure: 'uint32',
    enforcing_consecutive_local_origin_failure: 'uint32',
    enforcing_local_origin_success_rate: 'uint32',
    enforcing_consecutive_5xx: 'uint32',
    enforcing_consecutive_gateway_failure: 'uint32',
    enforcing_success_rate: 'uint32',
    base_ejection_time: 'Duration',
    max_ejection_percent: 'uint32',
  },
  ClusterLoadAssignment: { cluster_name: 'string', endpoints: 'LocalityLbEndpoints*' },
  LocalityLbEndpoints: { lb_endpoints: 'LbEndpoint*' },
  LbEndpoint: {
    endpoint: 'Endpoint',
    health_status: 'DRAINING',
    metadata: 'Metadata',
    load_balancing_weight: 'uint32',
  },
  Endpoint: { address: 'Address', hostname: 'string' },
  Metadata: { filter_metadata: 'Struct' },
  UpstreamTlsContext: {
    common_tls_context: 'CommonTlsContext',
    auto_host_sni: 'bool',
    auto_sni_san_validation: 'bool',
  },
  DownstreamTlsContext: { common_tls_context: 'CommonTlsContext' },
  CommonTlsContext: {
    tls_certificates: 'TlsCertificate*',
    validation_context: 'CertificateValidationContext',
  },
  TlsCertificate: { certificate_chain: 'DataSource', private_key: 'DataSource' },
  CertificateValidationContext: { trusted_ca: 'DataSource' },
  DataSource: { filename: 'string' },
};

/** What in a value is none of a message's fields, or has another type. */
export function envoyFaults(value: unknown, type: string, path = type): string[] {
  if (type.endsWith('*'))
    return Array.isArray(value)
      ? value.flatMap((item, at) => envoyFaults(item, type.slice(0, -1), `${path}[${at}]`))
      : [`${path}: no list`];
  if (type === 'Struct') return [];
  if (type === 'string') return typeof value === 'string' ? [] : [`${path}: no text`];
  if (type === 'bool') return typeof value === 'boolean' ? [] : [`${path}: no flag`];
  if (type === 'uint32')
    return Number.isInteger(value) && (value as number) >= 0 ? [] : [`${path}: no whole number`];
  if (type === 'Duration') return /^\d+(?:\.\d{1,9})?s$/.test(String(value)) ? [] : [`${path}: no duration`];
  if (type === 'AnyMap')
    return Object.entries(value as object).flatMap(([name, inner]) =>
      envoyFaults(inner, 'Any', `${path}.${name}`),
    );
  if (type === 'Any') {
    const { '@type': url, ...rest } = value as Record<string, unknown>;
    const [, name] = /^type\.googleapis\.com\/envoy\.[\w.]+\.v3\.(\w+)$/.exec(String(url)) ?? [];
    return name === undefined ? [`${path}: no type`] : envoyFaults(rest, name, `${path}(${name})`);
  }
  if (type.includes('|') || /^[A-Z_]+$/.test(type))
    return type.split('|').includes(String(value)) ? [] : [`${path}: ${String(value)} is not among ${type}`];
  const fields = ENVOY_FIELDS[type];
  if (fields === undefined) return [`${path}: ${type} is not known`];
  if (typeof value !== 'object' || value === null) return [`${path}: no message`];
  return Object.entries(value).flatMap(([name, inner]) =>
    fields[name] === undefined
      ? [`${path}.${name}: ${type} has no such field`]
      : envoyFaults(inner, fields[name], `${path}.${name}`),
  );
}
