import type { Directive } from './directives.js';

/** Directives that nobody who is served notices: how bytes are packed, kept or counted on their way. */
const HARMLESS =
  /^(?:gzip\w*|brotli\w*|zstd\w*|expires|etag|if_modified_since|keepalive\w*|zone|resolver\w*|postpone_output|output_buffers|access_log|limit_(?:req|conn)_(?:zone|log_level|status)|proxy_cache_(?:path|key|lock\w*|min_uses|background_update|revalidate)|proxy_(?:request_buffering|ignore_client_abort|headers_hash_\w+)|ssl_(?:session_\w+|stapling\w*|dhparam|ecdh_curve|buffer_size|early_data|prefer_server_ciphers)|http2_\w+|http3_\w+|quic_\w+|status_zone|uninitialized_variable_warn|rewrite_log|open_file_cache_\w+|send_lowat|worker_\w+|multi_accept|use|accept_mutex\w*|directio_alignment|read_ahead|subrequest_output_buffer_size|connection_pool_size|request_pool_size|http)$/;

export function isHarmless({ name, args }: Directive): boolean {
  // What must not be kept might be kept.
  if (name === 'expires') return !/^(?:-|epoch)/.test(args[0] ?? '');
  return HARMLESS.test(name);
}
