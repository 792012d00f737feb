import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { CertificatePair, ListenerTls } from '../proxy/wire.js';
import type { Certificate, PoolConfig, TlsConfig } from './config/config.js';

/** What a listener shows its clients; undefined: plain HTTP. */
export function servedTls(tls: TlsConfig | undefined): ListenerTls | undefined {
  if (tls === undefined) return undefined;
  const [first, ...others] = tls.certificates;
  return {
    certificates: [texts(first), ...others.map(texts)],
    clientCa: tls.clientCa?.text,
    isClientCertRequired: tls.isClientCertRequired,
    minVersion: tls.minVersion,
    ciphers: tls.ciphers,
  };
}

function texts({ cert, key }: Certificate): CertificatePair {
  return { cert: cert.text, key: key.text };
}

export function upstreamTls({ tls }: PoolConfig): UpstreamTls {
  return { ca: tls.ca?.text, insecure: tls.insecure };
}
