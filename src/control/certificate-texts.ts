import { StickyError } from '../base/errors.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { ListenerTls } from '../proxy/wire.js';
import { readBounded } from './config/bounded-file.js';
import { CERTIFICATE_BYTES_MAX, reason } from './config/certificates.js';
import type { Config, PoolConfig } from './config/config.js';

/**
 * What the certificate files of a configuration hold. Read once for all that a start or a reload opens, so
 * that it is of one piece.
 */
export interface CertificateTexts {
  readonly listener: ListenerTls | undefined;
  /** By pool, where one has authorities of its own. */
  readonly authorities: ReadonlyMap<string, string>;
}

/** Throws STICKY_TLS_UNREADABLE. */
export function readCertificates({ tls, pools }: Config): CertificateTexts {
  const authorities = pools.flatMap(({ name, tls: { caFile } }): [string, string][] =>
    caFile === undefined ? [] : [[name, readPem(caFile)]],
  );
  return {
    listener:
      tls === undefined
        ? undefined
        : {
            cert: readPem(tls.certFile),
            key: readPem(tls.keyFile),
            minVersion: tls.minVersion,
            ciphers: tls.ciphers,
          },
    authorities: new Map(authorities),
  };
}

export function upstreamTls({ name, tls }: PoolConfig, { authorities }: CertificateTexts): UpstreamTls {
  return { ca: authorities.get(name), insecure: tls.insecure };
}

function readPem(file: string): string {
  try {
    return readBounded(file, CERTIFICATE_BYTES_MAX).toString('utf8');
  } catch (error) {
    throw new StickyError(
      'STICKY_TLS_UNREADABLE',
      `Can't use ${file}, ${reason(error, 'the folder of the configuration')}`,
      { cause: error },
    );
  }
}
