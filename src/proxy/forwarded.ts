import type { RequestHead } from './http1/request-head.js';
import type { Site } from './site.js';

/** Where a request came from, as the gateway tells it to the upstream. */
export interface Origin {
  /** The client's address, after trusted proxies. */
  readonly address: string;
  readonly isSecure: boolean;
  /** X-Forwarded-*, X-Real-IP and, behind a trusted proxy that sent one, Forwarded: each with its CRLF. */
  readonly fields: string;
}

/**
 * What a client says of its own origin is worth nothing: it is replaced. What a trusted proxy says is kept and added to
 * (`trustedProxies`). `prefix` is what never changes on a connection with an untrusted peer; it is made once.
 */
export function originOf(site: Site, head: RequestHead, peer: string, isSecure: boolean, isTrusted: boolean, prefix: string): Origin {
  const hostField = head.host === '' ? '' : `X-Forwarded-Host: ${head.host}\r\n`;
  const { forwarded } = head;
  if (!isTrusted || forwarded === undefined) return { address: peer, isSecure, fields: prefix + hostField };
  const address = site.clientAddress(peer, forwarded.for);
  const chain = forwarded.for === undefined || forwarded.for === '' ? peer : `${forwarded.for}, ${peer}`;
  // A chain of proxies may send a list; the first entry speaks of the client.
  const proto = forwarded.proto?.split(',', 1)[0]!.trim().toLowerCase();
  const scheme = proto === 'https' || proto === 'http' ? proto : isSecure ? 'https' : 'http';
  let fields = `X-Forwarded-For: ${chain}\r\nX-Real-IP: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\n`;
  fields += forwarded.host === undefined || forwarded.host === '' ? hostField : `X-Forwarded-Host: ${forwarded.host}\r\n`;
  if (forwarded.element !== undefined) {
    fields += `Forwarded: ${forwarded.element}, for=${peer.includes(':') ? `"[${peer}]"` : peer}\r\n`;
  }
  return { address, isSecure: scheme === 'https', fields };
}

/** The fields of a peer that is the client itself, but for X-Forwarded-Host. */
export function ownFields(peer: string, isSecure: boolean): string {
  return `X-Forwarded-For: ${peer}\r\nX-Real-IP: ${peer}\r\nX-Forwarded-Proto: ${isSecure ? 'https' : 'http'}\r\n`;
}
