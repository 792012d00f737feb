import { CHARS, TOKEN } from './http1/chars.js';
import type { ForwardedFields, RequestHead } from './http1/request-head.js';
import type { SiteSettings, Site } from './site.js';
import type { Wire } from './wire.js';

/** Where a request came from, as the gateway tells it to the upstream. */
export interface Origin {
  /** The client's address, after trusted proxies. */
  readonly address: string;
  readonly isSecure: boolean;
  /** X-Forwarded-*, X-Real-IP and, behind a trusted proxy that sent one, Forwarded: each with its CRLF. */
  readonly fields: string;
}

/**
 * Who is at the other end of a connection: a client, or a trusted proxy (`trustedProxies`) with the requests
 * of many.
 */
export class Peer {
  readonly address: string;
  readonly #site: Site;
  readonly #isSecure: boolean;
  /** The field line that says which certificate the client has. */
  readonly #subject: string;
  #isTrusted = false;
  /** The settings by which it was judged: a reload may change `trustedProxies`. */
  #judgedBy: SiteSettings | undefined;
  /** Of the request before, which nearly always named the same host. */
  #named: string | undefined;
  #origin!: Origin;

  constructor(site: Site, { remoteAddress: address, clientSubject }: Wire, isSecure: boolean) {
    this.#site = site;
    this.#subject = clientSubject === undefined ? '' : `X-Client-Cert-Subject: ${clientSubject}\r\n`;
    this.#isSecure = isSecure;
    // A socket that listens on IPv6 shows IPv4 peers in mapped form.
    this.address = address.startsWith('::ffff:') ? address.slice(7) : address;
  }

  /** What it says of where a request comes from is believed. */
  get isTrusted(): boolean {
    const { settings } = this.#site;
    if (settings !== this.#judgedBy) {
      this.#judgedBy = settings;
      this.#isTrusted = settings.isTrusted(this.address);
    }
    return this.#isTrusted;
  }

  /**
   * Where its request came from. What a client says of that itself is worth nothing, and was left out when
   * the head was parsed.
   */
  originOf(head: RequestHead): Origin {
    if (head.forwarded !== undefined)
      return forwardedOrigin(this.#site, head.host, head.forwarded, this.address, this.#isSecure);
    if (head.claimsAddress) this.#site.observer.claimed(this.address);
    if (head.host === this.#named) return this.#origin;
    this.#named = head.host;
    // A trusted proxy has a certificate of its own, and tells that of its client itself.
    const subject = this.isTrusted ? '' : this.#subject;
    const fields = `X-Forwarded-For: ${this.address}\r\nX-Real-IP: ${this.address}\r\nX-Forwarded-Proto: ${this.#isSecure ? 'https' : 'http'}\r\n${hostField(head.host)}${subject}`;
    // In one piece in memory, for it is written many times.
    this.#origin = {
      address: this.address,
      isSecure: this.#isSecure,
      fields: Buffer.from(fields, 'latin1').toString('latin1'),
    };
    return this.#origin;
  }
}

/** What a trusted proxy says is kept and added to. */
function forwardedOrigin(
  site: Site,
  named: string,
  forwarded: ForwardedFields,
  peer: string,
  isSecure: boolean,
): Origin {
  const address = site.settings.clientAddress(peer, forwarded.for);
  const chain = forwarded.for === undefined || forwarded.for === '' ? peer : `${forwarded.for}, ${peer}`;
  // A chain of proxies may send a list; the first entry speaks of the client.
  const proto = forwarded.proto?.split(',', 1)[0]!.trim().toLowerCase();
  const scheme = proto === 'https' || proto === 'http' ? proto : isSecure ? 'https' : 'http';
  let fields = `X-Forwarded-For: ${chain}\r\nX-Real-IP: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\n`;
  fields += hostField(forwarded.host === undefined || forwarded.host === '' ? named : forwarded.host);
  if (forwarded.element !== undefined) {
    const own = `for=${peer.includes(':') ? `"[${peer}]"` : peer}`;
    // Behind a list that is broken (a quote that isn't closed) ours would be a part of its last value.
    fields += `Forwarded: ${isForwardedList(forwarded.element) ? `${forwarded.element}, ` : ''}${own}\r\n`;
  }
  return { address, isSecure: scheme === 'https', fields };
}

/** Empty for an HTTP/1.0 client that names no host. */
function hostField(host: string): string {
  return host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`;
}

/**
 * A list of elements as RFC 7239 §4 has it, with blanks around semicolons forgiven. Read by hand, so that it
 * takes one pass whatever it is given.
 */
function isForwardedList(text: string): boolean {
  let at = 0;
  for (;;) {
    at = skipBlank(text, at);
    const nameStart = at;
    at = skipToken(text, at);
    if (at > nameStart) {
      if (text[at] !== '=') return false;
      const valueStart = ++at;
      at = text[at] === '"' ? skipQuoted(text, at) : skipPlain(text, at);
      if (at === -1 || at === valueStart) return false;
      at = skipBlank(text, at);
    }
    if (at === text.length) return true;
    if (text[at] !== ';' && text[at] !== ',') return false;
    at++;
  }
}

function skipBlank(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}

function skipToken(text: string, at: number): number {
  while (at < text.length && (CHARS[text.charCodeAt(at)]! & TOKEN) !== 0) at++;
  return at;
}

/** More than a token: many write an address with its colons without quotes. */
function skipPlain(text: string, at: number): number {
  while (at < text.length && !'",; \t'.includes(text[at]!)) at++;
  return at;
}

/** Behind the closing quote, or -1. */
function skipQuoted(text: string, at: number): number {
  for (at++; at < text.length; at++) {
    if (text[at] === '"') return at + 1;
    if (text[at] === '\\') at++;
  }
  return -1;
}
