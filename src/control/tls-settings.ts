import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { ListenerTls } from '../proxy/wire.js';
import type { PoolConfig, TlsConfig } from './config/config.js';

/** What a listener shows its clients; undefined: plain HTTP. */
export function servedTls(tls: TlsConfig | undefined): ListenerTls | undefined {
  if (tls === undefined) return undefined;
  const [{ cert, key }] = tls.certificates;
  return { cert: cert.text, key: key.text, minVersion: tls.minVersion, ciphers: tls.ciphers };
}

export function upstreamTls({ tls }: PoolConfig): UpstreamTls {
  return { ca: tls.ca?.text, insecure: tls.insecure };
}
