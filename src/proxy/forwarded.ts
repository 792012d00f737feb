import type { ForwardedFields } from './http1/request-head.js';
import type { Site } from './site.js';

/** Where a request came from, as the gateway tells it to the upstream. */
export interface Origin {
  /** The client's address, after trusted proxies. */
  readonly address: string;
  readonly isSecure: boolean;
  /** X-Forwarded-*, X-Real-IP and, behind a trusted proxy that sent one, Forwarded: each with its CRLF. */
  readonly fields: string;
}

/** The requests of a peer that is the client itself. What a client says of its own origin is worth nothing: it is replaced. */
export class PeerOrigin {
  readonly #peer: string;
  readonly #isSecure: boolean;
  /** Of the request before, which nearly always named the same host. */
  #named: string | undefined;
  #origin!: Origin;

  constructor(peer: string, isSecure: boolean) {
    this.#peer = peer;
    this.#isSecure = isSecure;
  }

  of(named: string): Origin {
    if (named === this.#named) return this.#origin;
    this.#named = named;
    const fields = `X-Forwarded-For: ${this.#peer}\r\nX-Real-IP: ${this.#peer}\r\nX-Forwarded-Proto: ${this.#isSecure ? 'https' : 'http'}\r\n${hostField(named)}`;
    // In one piece in memory, for it is written many times.
    this.#origin = { address: this.#peer, isSecure: this.#isSecure, fields: Buffer.from(fields, 'latin1').toString('latin1') };
    return this.#origin;
  }
}

/** Of a request that a trusted proxy passed on (`trustedProxies`): what that says is kept and added to. */
export function forwardedOrigin(site: Site, named: string, forwarded: ForwardedFields, peer: string, isSecure: boolean): Origin {
  const address = site.clientAddress(peer, forwarded.for);
  const chain = forwarded.for === undefined || forwarded.for === '' ? peer : `${forwarded.for}, ${peer}`;
  // A chain of proxies may send a list; the first entry speaks of the client.
  const proto = forwarded.proto?.split(',', 1)[0]!.trim().toLowerCase();
  const scheme = proto === 'https' || proto === 'http' ? proto : isSecure ? 'https' : 'http';
  let fields = `X-Forwarded-For: ${chain}\r\nX-Real-IP: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\n`;
  fields += hostField(forwarded.host === undefined || forwarded.host === '' ? named : forwarded.host);
  if (forwarded.element !== undefined) {
    fields += `Forwarded: ${forwarded.element}, for=${peer.includes(':') ? `"[${peer}]"` : peer}\r\n`;
  }
  return { address, isSecure: scheme === 'https', fields };
}

/** Empty for an HTTP/1.0 client that names no host. */
function hostField(host: string): string {
  return host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`;
}
