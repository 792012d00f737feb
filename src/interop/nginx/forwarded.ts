import { HEARSAY_FIELDS, hearsayNote } from '../hearsay.js';
import type { Report } from '../report.js';
import { block } from './text.js';

/** Lines for the `http` block: what upstreams are told of the client, and whom to believe. */
export function forwardedFields(trustedProxies: readonly string[], report: Report): string[] {
  const upgrade = [
    '# WebSocket and other upgrades pass; other connections to upstreams are kept open.',
    ...block('map $http_upgrade $sr_connection', ['"" "";', 'default upgrade;']),
  ];
  const fields = (forwardedFor: string, proto: string, host: string): string[] => [
    'proxy_http_version 1.1;',
    'proxy_set_header Host $http_host;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection $sr_connection;',
    `proxy_set_header X-Forwarded-For ${forwardedFor};`,
    'proxy_set_header X-Real-IP $remote_addr;',
    `proxy_set_header X-Forwarded-Proto ${proto};`,
    `proxy_set_header X-Forwarded-Host ${host};`,
  ];
  if (trustedProxies.length === 0) {
    return [
      ...upgrade,
      '# What a client says of its own origin is replaced: nobody in front is trusted.',
      ...fields('$remote_addr', '$scheme', '$http_host'),
      'proxy_set_header X-Request-Id $request_id;',
      'proxy_headers_hash_max_size 1024;',
      'proxy_headers_hash_bucket_size 128;',
      ...HEARSAY_FIELDS.map((name) => `proxy_set_header ${name} "";`),
    ];
  }
  report.say('trustedProxies', hearsayNote('nginx'));
  const believed = (source: string, name: string, otherwise: string, value = source): string[] =>
    block(`map "$sr_trusted:${source}" ${name}`, [`"~^1:." ${value};`, `default ${otherwise};`]);
  return [
    ...upgrade,
    "# Who connects is looked through where it is a trusted proxy; the address that remains is the client's.",
    ...trustedProxies.map((range) => `set_real_ip_from ${range};`),
    'real_ip_header X-Forwarded-For;',
    'real_ip_recursive on;',
    ...block('geo $realip_remote_addr $sr_trusted', [
      'default 0;',
      ...trustedProxies.map((range) => `${range} 1;`),
    ]),
    ...believed(
      '$http_x_forwarded_for',
      '$sr_forwarded_for',
      '$realip_remote_addr',
      '"$http_x_forwarded_for, $realip_remote_addr"',
    ),
    ...believed('$http_x_forwarded_proto', '$sr_forwarded_proto', '$scheme'),
    ...believed('$http_x_forwarded_host', '$sr_forwarded_host', '$http_host'),
    ...fields('$sr_forwarded_for', '$sr_forwarded_proto', '$sr_forwarded_host'),
  ];
}
