import type { Draft } from '../draft.js';
import { isHearsay } from '../hearsay.js';
import type { Report } from '../report.js';
import type { Directive } from './directives.js';
import { isHarmless } from './harmless.js';
import { nginxTime } from './upstream-reader.js';

/**
 * What concerns nginx itself: its process, its logs, its buffers, its tables, files that it serves. None of
 * it has a counterpart, nor needs one.
 */
const WITHOUT_MEANING = new Set([
  'user',
  'pid',
  'daemon',
  'master_process',
  'lock_file',
  'error_log',
  'log_format',
  'worker_rlimit_nofile',
  'worker_cpu_affinity',
  'worker_priority',
  'pcre_jit',
  'thread_pool',
  'events',
  'load_module',
  'sendfile',
  'sendfile_max_chunk',
  'tcp_nopush',
  'tcp_nodelay',
  'types',
  'default_type',
  'server_tokens',
  'charset',
  'aio',
  'directio',
  'open_file_cache',
  'open_log_file_cache',
  'reset_timedout_connection',
  'types_hash_max_size',
  'types_hash_bucket_size',
  'server_names_hash_max_size',
  'server_names_hash_bucket_size',
  'map_hash_max_size',
  'map_hash_bucket_size',
  'variables_hash_max_size',
  'variables_hash_bucket_size',
  'proxy_headers_hash_max_size',
  'proxy_headers_hash_bucket_size',
  'proxy_buffering',
  'proxy_buffers',
  'proxy_buffer_size',
  'proxy_busy_buffers_size',
  'proxy_max_temp_file_size',
  'proxy_temp_file_write_size',
  'proxy_temp_path',
  'client_body_buffer_size',
  'client_body_temp_path',
  'client_header_buffer_size',
  'fastcgi_temp_path',
  'uwsgi_temp_path',
  'scgi_temp_path',
  'proxy_http_version',
  'proxy_ssl_server_name',
  'proxy_ssl_name',
  'proxy_ssl_session_reuse',
  'keepalive_requests',
  'keepalive_time',
  'keepalive_disable',
  'proxy_socket_keepalive',
  'log_not_found',
  'log_subrequest',
  'msie_padding',
  'absolute_redirect',
  'port_in_redirect',
  'server_name_in_redirect',
  'underscores_in_headers',
  'ignore_invalid_headers',
  'merge_slashes',
]);

/** Directives that are one of our limits, all of them times. */
const TIMES: Readonly<Record<string, string>> = {
  client_header_timeout: 'headTime',
  client_body_timeout: 'bodyIdleTime',
  send_timeout: 'bodyIdleTime',
  proxy_send_timeout: 'bodyIdleTime',
  keepalive_timeout: 'idleTime',
  proxy_connect_timeout: 'connectTime',
  proxy_read_timeout: 'answerTime',
};

/** What is told to upstreams about the client, and what stickyroute sets by itself. */
const OWN_FIELDS: Readonly<Record<string, RegExp>> = {
  host: /^\$(?:host|http_host|proxy_host)$/,
  connection: /^(?:|upgrade|close|keep-alive|\$\w+)$/i,
  upgrade: /^\$http_upgrade$/,
  'x-request-id': /^\$request_id$/,
  'x-real-ip': /^\$(?:remote_addr|realip_remote_addr)$/,
  'x-forwarded-for': /^\$(?:proxy_add_x_forwarded_for|remote_addr|sr_forwarded_for)$/,
  'x-forwarded-proto': /^\$(?:scheme|sr_forwarded_proto)$/,
  'x-forwarded-host': /^\$(?:host|http_host|sr_forwarded_host)$/,
};

/** Reads a directive that holds for the gateway as a whole here, and says what is not carried over. */
export function readLine(
  line: Directive,
  draft: Draft,
  report: Report,
  use: (text: string) => void,
  part: string | undefined,
): void {
  if (readSetting(line, draft, report, use, part)) return;
  if (isHarmless(line)) report.harmless(line.at, `${line.name} is not carried over.`);
  else report.say(line.at, `${line.name} is not carried over.`);
}

/**
 * Reads a directive that holds for the gateway as a whole here, or says that it is not carried over. `part`:
 * where the server or location begins for which it counts there. True: it was one of these.
 */
function readSetting(
  line: Directive,
  draft: Draft,
  report: Report,
  use: (text: string) => void,
  part: string | undefined,
): boolean {
  const { name, args, at } = line;
  const [value = ''] = args;
  if (WITHOUT_MEANING.has(name)) return true;
  const limit = TIMES[name];
  if (limit !== undefined) {
    const time = nginxTime(value);
    if (time === undefined || time === '0s')
      report.say(at, `${name} ${value} is not carried over: ${limit} is a time above 0.`);
    else draft.limit(limit, time, at, part);
    return true;
  }
  switch (name) {
    case 'worker_processes':
      draft.set('workers', value === 'auto' ? 'auto' : Math.min(256, Math.max(1, Number(value) || 1)), at);
      return true;
    case 'worker_shutdown_timeout':
      draft.set('shutdownGrace', nginxTime(value) ?? '30s', at);
      return true;
    case 'access_log':
      if (value === 'off') draft.set('accessLog', false, at);
      return true;
    case 'large_client_header_buffers': {
      const size = /^(\d+)([km]?)$/i.exec(args[1] ?? '');
      if (size !== null)
        draft.limit(
          'headBytes',
          Math.min(
            1024 ** 2,
            Math.max(1024, Number(size[1]) * ({ k: 1024, m: 1024 ** 2 }[size[2]!.toLowerCase()] ?? 1)),
          ),
          at,
          part,
        );
      return true;
    }
    case 'client_max_body_size':
      if (!/^0+[km]?$/i.test(value))
        report.say(
          at,
          'client_max_body_size is not carried over: stickyroute sets no limit to a body. Let the upstream do it.',
        );
      return true;
    case 'proxy_next_upstream_tries':
      draft.limit('tries', Math.min(10, Math.max(1, Number(value) || 10)), at, part);
      return true;
    case 'proxy_next_upstream':
      for (const what of args.filter((arg) => arg !== 'error' && arg !== 'timeout'))
        report.say(
          at,
          `proxy_next_upstream ${what} is not carried over: stickyroute tries another upstream only when nothing was answered and the method may be repeated.`,
        );
      return true;
    case 'real_ip_header':
      if (!/^x-forwarded-for$/i.test(value))
        report.say(at, `real_ip_header ${value} is not carried over: stickyroute reads X-Forwarded-For.`);
      return true;
    case 'real_ip_recursive':
      if (value !== 'on')
        report.say(
          at,
          'real_ip_recursive off is carried over as on: stickyroute looks through every trusted proxy.',
        );
      return true;
    case 'proxy_set_header': {
      const form = OWN_FIELDS[value.toLowerCase()];
      use(args[1] ?? '');
      if (args[1] === '' && isHearsay(value)) return true;
      if (form === undefined)
        report.say(
          at,
          `proxy_set_header ${value} is not carried over: stickyroute adds no fields of your own.`,
        );
      else if (!form.test(args[1] ?? ''))
        report.say(at, `proxy_set_header ${value} is not carried over: stickyroute writes it its own way.`);
      return true;
    }
    default:
      return false;
  }
}
