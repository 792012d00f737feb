import { logsConnectionIn } from './connection-login.js';
import { CHARS, CR, LF, SLASH, SPACE, TARGET, parseLength } from './chars.js';
import {
  AUTHORIZATION,
  CONNECTION,
  CONTENT_LENGTH,
  COOKIE,
  EXPECT,
  EXPOSED,
  FORWARDED,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PROTO,
  HANDOVER,
  HEARSAY,
  HOP,
  HOST,
  KEEP_ALIVE,
  NOTHING_NOMINATED,
  OTHER,
  REAL_IP,
  REQUEST_ID,
  TRACE_PARENT,
  TRANSFER_ENCODING,
  UPGRADE,
  Fields,
  findField,
  keptLines,
  kinds,
  nominated,
  type FieldError,
  type Nominated,
} from './fields.js';

/** Why a request was refused. Public: it stands in the answer and in the access log. */
export type RequestError =
  | FieldError
  | 'request-line'
  | 'method'
  | 'target'
  | 'version'
  | 'host-missing'
  | 'host-repeated'
  | 'host'
  | 'length-repeated'
  | 'length'
  | 'length-and-transfer-encoding'
  | 'transfer-encoding'
  | 'transfer-encoding-unknown'
  | 'expectation'
  | 'protocol';

/** `bodyBytes` of a chunked message. */
export const CHUNKED = -1;

/**
 * Never passed to an upstream as they came: between neighbours, or written anew by the gateway (so that
 * blanks around a length are gone).
 */
const DROPPED = kinds(
  CONTENT_LENGTH,
  CONNECTION,
  HOP,
  KEEP_ALIVE,
  UPGRADE,
  TRANSFER_ENCODING,
  FORWARDED,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PROTO,
  REAL_IP,
  REQUEST_ID,
  EXPOSED,
  HANDOVER,
);
/** What a stranger says of where it comes from goes no further. */
const DROPPED_OF_STRANGERS = DROPPED | kinds(HEARSAY);
/** The authority of a target in absolute form stands in for Host (RFC 9112 §3.2.2). */
const ALSO_HOST = kinds(HOST);

/** The fields that say where a request came from, as the client or a proxy in front sent them. */
export interface ForwardedFields {
  for: string | undefined;
  proto: string | undefined;
  host: string | undefined;
  element: string | undefined;
}

const fields = new Fields();
/**
 * The last host that was found to be good: mostly the next request's too, which then needs no look, and gets
 * the same text, whose hash is made. It decides nothing: what is equal to it is good by itself.
 */
let goodHost = '';

/** A request's head, checked. It keeps its text; values are cut out of it when somebody asks. */
export class RequestHead {
  method = '';
  /** In origin form (`/path?query`), or `*`. */
  target = '';
  /** Whom the request is for: with port, if it names one. Empty only for HTTP/1.0 without a Host. */
  host = '';
  /** What the upstream is asked for, where a route rewrites it; empty: the same as `target` and `host`. */
  sentTarget = '';
  sentHost = '';
  /** The Host line is among `fields`; otherwise it is for whoever sends them on to write one. */
  hasHostLine = false;
  isHttp10 = false;
  /** A number of bytes, or CHUNKED. */
  bodyBytes = 0;
  /** Its data is handed on as the chunks that came: see `inChunks` in sides.ts. */
  inChunks = false;
  /** A Content-Length stood there, if only 0. */
  hasLength = false;
  /** The client wants to use the connection again, and can: behind CONNECT no request follows. */
  keepAlive = true;
  /** It logs its upstream's connection in: see logged-in.ts. */
  logsIn = false;
  /** A call of gRPC, which came by HTTP/2: only there it can. */
  isGrpc = false;
  /** The protocol the client wants to change to, in lower case; empty: none. */
  upgrade = '';
  /** The key of a WebSocket's handshake where it is the gateway's own: a client of HTTP/2 sends none. */
  ownKey = '';
  /** Only of a peer that is trusted, as is `requestId`. */
  forwarded: ForwardedFields | undefined;
  requestId: string | undefined;
  /** As it came, if it came once; empty where it came more often. */
  traceparent: string | undefined;
  /** A peer that is not trusted says whose the request is; that went no further. */
  claimsAddress = false;
  /** The field lines for the upstream, each with its CRLF, without those that frame the body. */
  fields = '';
  /** The Cookie field, several joined; undefined where there is none. */
  cookie: string | undefined;

  readonly #text: string;
  readonly #fieldsStart: number;

  constructor(text: string, fieldsStart: number) {
    this.#text = text;
    this.#fieldsStart = fieldsStart;
  }

  /** HeaderSource, for rules. `name` in lower case. */
  get(name: string): string | undefined {
    if (name === 'cookie') return this.cookie;
    if (name === 'host') return this.host;
    return findField(this.#text, this.#fieldsStart, name);
  }
}

/**
 * Parses the head in `bytes` from `start` up to `end`, which stands behind the empty line. `isTrusted`: what
 * the peer says of where the request comes from is believed; of anybody else it is as if it wasn't there.
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  fieldsMax: number,
  isTrusted: boolean,
): RequestHead | RequestError {
  let at = start;
  while (isMethodByte(bytes[at]!)) at++;
  const methodEnd = at;
  if (methodEnd === start || methodEnd - start > 32) return 'method';
  if (bytes[at++] !== SPACE) return 'method';
  const targetStart = at;
  while ((CHARS[bytes[at]!]! & TARGET) !== 0) at++;
  const targetEnd = at;
  if (targetEnd === targetStart || bytes[at++] !== SPACE) return 'target';
  // "HTTP/1.1" or "HTTP/1.0", byte by byte: anything else is another protocol.
  if (
    bytes[at] !== 72 ||
    bytes[at + 1] !== 84 ||
    bytes[at + 2] !== 84 ||
    bytes[at + 3] !== 80 ||
    bytes[at + 4] !== 47
  )
    return 'request-line';
  const minor = bytes[at + 7]!;
  if (!isDigit(bytes[at + 5]!) || bytes[at + 6] !== 46 || !isDigit(minor)) return 'request-line';
  if (bytes[at + 8] !== CR || bytes[at + 9] !== LF)
    return bytes[at + 8] === LF ? 'bare-cr-or-lf' : 'request-line';
  if (bytes[at + 5] !== 49 || minor > 49) return 'version';
  const fieldsStart = at + 10;
  const error = fields.parse(bytes, fieldsStart, end - 2, start, fieldsMax);
  if (error !== undefined) return error;

  const text = bytes.toString('latin1', start, end - 2);
  const head = new RequestHead(text, fieldsStart - start);
  head.method = methodOf(bytes, start, methodEnd) ?? text.slice(0, methodEnd - start);
  head.target = text.slice(targetStart - start, targetEnd - start);
  head.isHttp10 = minor === 48;
  const names = readFields(head, text, isTrusted);
  if (typeof names === 'string') return names;
  const dropped = isTrusted ? DROPPED : DROPPED_OF_STRANGERS;
  const from = fieldsStart - start;
  if (bytes[targetStart] === SLASH || head.target === '*' || head.method === 'CONNECT') {
    if (head.target === '*' && head.method !== 'OPTIONS') return 'target';
    head.fields = keptLines(text, fields, from, text.length, dropped, names.others);
  } else {
    if (!readAbsolute(head)) return 'target';
    head.fields = `Host: ${head.host}\r\n${keptLines(text, fields, from, text.length, dropped | ALSO_HOST, names.others)}`;
  }
  return head;
}

/**
 * The same text for each request of the commonest methods, so that looking one up or comparing it costs
 * nothing.
 */
function methodOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  const first = bytes[start]!;
  if (end - start === 3)
    return first === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84 ? 'GET' : undefined;
  return end - start === 4 &&
    first === 80 &&
    bytes[start + 1] === 79 &&
    bytes[start + 2] === 83 &&
    bytes[start + 3] === 84
    ? 'POST'
    : undefined;
}

function readFields(head: RequestHead, text: string, isTrusted: boolean): RequestError | Nominated {
  let hosts = 0;
  let lengths = 0;
  let codings = 0;
  let upgrade = '';
  for (let at = 0; at < fields.count; at++) {
    const kind = fields.kind(at);
    // Nearly every field is one that nobody here needs.
    if (kind === OTHER) continue;
    const value = text.slice(fields.valueStart(at), fields.valueEnd(at));
    switch (kind) {
      case HOST:
        if (++hosts > 1) return 'host-repeated';
        // The same text as before where it can be: what is looked up by it then finds its hash made.
        head.host = value === goodHost ? goodHost : value;
        break;
      case CONTENT_LENGTH:
        if (++lengths > 1) return 'length-repeated';
        head.bodyBytes = parseLength(value);
        if (head.bodyBytes < 0) return 'length';
        head.hasLength = true;
        break;
      case TRANSFER_ENCODING:
        codings++;
        if (value.toLowerCase() !== 'chunked')
          return /,[ \t]*chunked$/i.test(value) && codings === 1
            ? 'transfer-encoding-unknown'
            : 'transfer-encoding';
        break;
      case COOKIE:
        head.cookie = head.cookie === undefined ? value : `${head.cookie}; ${value}`;
        break;
      case UPGRADE:
        upgrade = upgrade === '' ? value : `${upgrade},${value}`;
        break;
      case EXPECT:
        if (value.toLowerCase() !== '100-continue') return 'expectation';
        break;
      case AUTHORIZATION:
        head.logsIn ||= logsConnectionIn(value);
        break;
      case REQUEST_ID:
        if (isTrusted) head.requestId ??= value;
        break;
      case TRACE_PARENT:
        head.traceparent = head.traceparent === undefined ? value : '';
        break;
      case FORWARDED_FOR:
      case FORWARDED_PROTO:
      case FORWARDED_HOST:
      case FORWARDED:
        if (isTrusted) readForwarded(head, kind, value);
        else head.claimsAddress = true;
    }
  }
  if (codings > 0) {
    if (lengths > 0) return 'length-and-transfer-encoding';
    // HTTP/1.0 has no chunked coding: a 1.0 hop in front would have framed this by other means (RFC 9112
    // §6.1).
    if (codings > 1 || head.isHttp10) return 'transfer-encoding';
    head.bodyBytes = CHUNKED;
    head.inChunks = true;
  }
  if (hosts === 0 && !head.isHttp10) return 'host-missing';
  if (hosts === 1) {
    if (head.host === '') return 'host';
    if (head.host !== goodHost) {
      if (!isHost(head.host)) return 'host';
      goodHost = head.host;
    }
    head.hasHostLine = true;
  }

  const names = (fields.kinds & HAS_CONNECTION) === 0 ? NOTHING_NOMINATED : nominated(text, fields);
  head.keepAlive = !names.close && (names.keepAlive || !head.isHttp10) && head.method !== 'CONNECT';
  // A body before a change of protocol has no agreed end.
  if (upgrade !== '' && names.upgrade && head.bodyBytes === 0 && !head.isHttp10)
    head.upgrade = upgradeOf(upgrade);
  return names;
}

/**
 * The protocol that the client may change to; empty: none. A list is none: what the upstream would choose of
 * it isn't known. Whatever carries requests of its own is none, by any of its names: HTTP in whatever
 * version, and TLS with HTTP in it (RFC 2817). Those requests would go past the router.
 */
function upgradeOf(value: string): string {
  const protocol = value.toLowerCase();
  if (!/^[a-z0-9._-]+(?:\/[a-z0-9._-]+)?$/.test(protocol)) return '';
  return /^(?:h\d*c?|https?\d*|tls\d*|ssl\d*)(?:[^a-z0-9]|$)/.test(protocol) ? '' : protocol;
}

const HAS_CONNECTION = kinds(CONNECTION);

function readForwarded(head: RequestHead, kind: number, value: string): void {
  const forwarded = (head.forwarded ??= {
    for: undefined,
    proto: undefined,
    host: undefined,
    element: undefined,
  });
  switch (kind) {
    case FORWARDED_FOR:
      forwarded.for = forwarded.for === undefined ? value : `${forwarded.for}, ${value}`;
      break;
    case FORWARDED_PROTO:
      forwarded.proto ??= value;
      break;
    case FORWARDED_HOST:
      forwarded.host ??= value;
      break;
    default:
      forwarded.element = forwarded.element === undefined ? value : `${forwarded.element}, ${value}`;
  }
}

/**
 * Reads a target in absolute form. Its authority counts, whatever Host says (RFC 9112 §3.2.2). False: it is
 * no such target.
 */
function readAbsolute(head: RequestHead): boolean {
  const match = /^https?:\/\/([^/?]+)(.*)$/i.exec(head.target);
  if (match === null) return false;
  const [, authority, rest] = match as unknown as [string, string, string];
  if (!isHost(authority)) return false;
  head.host = authority;
  head.hasHostLine = true;
  if (rest === '') head.target = head.method === 'OPTIONS' ? '*' : '/';
  else head.target = rest.startsWith('/') ? rest : `/${rest}`;
  return true;
}

/**
 * A name or address with an optional port, as clients send it (RFC 3986 §3.2.2 without the marks that no name
 * has).
 */
function isHost(text: string): boolean {
  return /^(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(text);
}

/** The host without its port, in lower case. */
export function hostName(host: string): string {
  if (host === namedBefore) return nameBefore;
  const colon = host.lastIndexOf(':');
  const bare = colon === -1 || host.endsWith(']') ? host : host.slice(0, colon);
  namedBefore = host;
  nameBefore = bare.toLowerCase();
  return nameBefore;
}

let namedBefore = '';
let nameBefore = '';

/**
 * Upper-case letters, `-` and `_`, as nginx takes them: every registered method; nothing that a lenient hop
 * would fold.
 */
function isMethodByte(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || byte === 0x2d || byte === 0x5f;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}
