import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { BoundedMap } from '../base/bounded-map.js';
import type { CertificatePair, ListenerTls } from './wire.js';

/** Names are what clients send; most send the same few. */
const NAMES_KEPT_MAX = 1000;

interface Served {
  readonly certificate: X509Certificate;
  readonly context: SecureContext;
}

/** What a certificate is shown with. */
export function contextOptions(
  { cert, key }: CertificatePair,
  { clientCa, minVersion, ciphers }: Omit<ListenerTls, 'certificates'>,
): SecureContextOptions {
  return { cert, key, minVersion, ciphers, ...(clientCa !== undefined && { ca: clientCa }) };
}

/** Which certificate a client is met with: by the name that it asks for, or the first. */
export class TlsContexts {
  readonly #served: readonly Served[];
  readonly #byName = new BoundedMap<string, SecureContext | 'none'>(NAMES_KEPT_MAX);

  constructor({ certificates, ...offers }: ListenerTls) {
    this.#served = certificates.map(({ cert, key }) => ({
      certificate: new X509Certificate(cert),
      context: createSecureContext(contextOptions({ cert, key }, offers)),
    }));
  }

  /** Undefined: none of them is for this name, and the first one goes. */
  for(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    let context = this.#byName.get(name);
    if (context === undefined) this.#byName.set(name, (context = this.#find(name) ?? 'none'));
    return context === 'none' ? undefined : context;
  }

  /** A certificate that has the name itself goes before one with a wildcard. */
  #find(name: string): SecureContext | undefined {
    const found =
      this.#served.find(
        ({ certificate }) => certificate.checkHost(name, { wildcards: false }) !== undefined,
      ) ?? this.#served.find(({ certificate }) => certificate.checkHost(name) !== undefined);
    return found?.context;
  }
}
