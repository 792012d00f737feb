import { trimBlank } from '../../base/blank.js';
import { CHARS, COLON, CR, DEL, LF, SPACE, TAB, TOKEN, VALUE } from './chars.js';

/** Fields that the codec itself must understand; every other field is passed on unread. */
export const OTHER = 0;
export const HOST = 1;
export const CONNECTION = 2;
export const CONTENT_LENGTH = 3;
export const TRANSFER_ENCODING = 4;
export const UPGRADE = 5;
/** Means something between two neighbours only (RFC 9110 §7.6.1): never passed on. */
export const HOP = 6;
export const KEEP_ALIVE = 7;
export const FORWARDED_FOR = 8;
export const FORWARDED_PROTO = 9;
export const FORWARDED_HOST = 10;
export const FORWARDED = 11;
export const REAL_IP = 12;
export const REQUEST_ID = 13;
/** The gateway's own words: to clients under `expose`, to upstreams about users who were moved. */
export const EXPOSED = 14;
export const COOKIE = 15;
export const TRAILER = 16;
export const EXPECT = 17;
/**
 * Other fields by which a proxy says where a request came from (X-Forwarded-Port, X-Client-IP …): worth
 * something from trusted proxies only.
 */
export const HEARSAY = 18;
export const DATE = 19;
export const AUTHORIZATION = 20;
export const AUTHENTICATE = 21;
/** By which an upstream hands its user over. */
export const HANDOVER = 22;
/** Passes on untouched; the access log takes the trace's id from it (W3C Trace Context). */
export const TRACE_PARENT = 23;

interface Known {
  readonly name: string;
  readonly kind: number;
}

/**
 * Beside X-Forwarded-…, which are told by their beginning. Whoever reads them takes them for the word of a
 * proxy: see docs/decisions/strangers-say-nothing-of-themselves.md.
 */
export const HEARSAY_NAMES: readonly string[] = [
  'x-forwarded',
  'forwarded-for',
  'client-ip',
  'x-client-ip',
  'true-client-ip',
  'x-true-client-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'x-original-host',
  'x-original-proto',
  'x-original-url',
  'x-rewrite-url',
  'x-remote-ip',
  'x-remote-addr',
  'x-originating-ip',
  'x-proxyuser-ip',
  'proxy-client-ip',
  'wl-proxy-client-ip',
  'x-envoy-external-address',
  'x-envoy-internal',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'fastly-client-ip',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-appengine-user-ip',
  'front-end-https',
  'x-url-scheme',
  'x-scheme',
  'x-script-name',
  'x-client-cert-subject',
  'client-cert',
  'client-cert-chain',
];

const KNOWN: readonly Known[] = [
  { name: 'host', kind: HOST },
  { name: 'connection', kind: CONNECTION },
  { name: 'content-length', kind: CONTENT_LENGTH },
  { name: 'transfer-encoding', kind: TRANSFER_ENCODING },
  { name: 'upgrade', kind: UPGRADE },
  { name: 'keep-alive', kind: KEEP_ALIVE },
  { name: 'proxy-connection', kind: HOP },
  { name: 'proxy-authorization', kind: HOP },
  { name: 'proxy-authenticate', kind: HOP },
  { name: 'te', kind: HOP },
  { name: 'http2-settings', kind: HOP },
  { name: 'trailer', kind: TRAILER },
  { name: 'expect', kind: EXPECT },
  { name: 'cookie', kind: COOKIE },
  { name: 'x-forwarded-for', kind: FORWARDED_FOR },
  { name: 'x-forwarded-proto', kind: FORWARDED_PROTO },
  { name: 'x-forwarded-host', kind: FORWARDED_HOST },
  { name: 'forwarded', kind: FORWARDED },
  { name: 'x-real-ip', kind: REAL_IP },
  { name: 'x-request-id', kind: REQUEST_ID },
  { name: 'x-upstream', kind: EXPOSED },
  { name: 'x-affinity', kind: EXPOSED },
  { name: 'x-affinity-moved', kind: EXPOSED },
  { name: 'x-affinity-handover', kind: HANDOVER },
  { name: 'date', kind: DATE },
  { name: 'authorization', kind: AUTHORIZATION },
  { name: 'www-authenticate', kind: AUTHENTICATE },
  { name: 'traceparent', kind: TRACE_PARENT },
  ...HEARSAY_NAMES.map((name) => ({ name, kind: HEARSAY })),
];

/** Fields whose names begin so are hearsay too, but for those that the gateway writes anew. */
const HEARSAY_START = 'x-forwarded-';

const KNOWN_BY_LENGTH: readonly (readonly Known[])[] = Array.from({ length: 32 }, (_, length) =>
  KNOWN.filter((known) => known.name.length === length),
);

/** The stride of `Fields.spans`. */
const SPAN = 5;

/** Why a head was refused; each is answered with 400, but for `too-many-fields` (431). */
export type FieldError =
  'bare-cr-or-lf' | 'folded-line' | 'field-name' | 'space-before-colon' | 'field-value' | 'too-many-fields';

/**
 * The field lines of the head parsed last, as spans into its text. There is one for the whole process: a head
 * is parsed and put to use within one call, and nothing but its text outlives that.
 */
export class Fields {
  count = 0;
  /** The kinds that occur, one bit each. */
  kinds = 0;
  #spans = new Int32Array(128 * SPAN);

  /**
   * Where field `at`'s line starts, its name ends, its value starts and ends (blank space trimmed), and what
   * kind it is.
   */
  lineStart(at: number): number {
    return this.#spans[at * SPAN]!;
  }
  nameEnd(at: number): number {
    return this.#spans[at * SPAN + 1]!;
  }
  valueStart(at: number): number {
    return this.#spans[at * SPAN + 2]!;
  }
  valueEnd(at: number): number {
    return this.#spans[at * SPAN + 3]!;
  }
  kind(at: number): number {
    return this.#spans[at * SPAN + 4]!;
  }
  /** The line after field `at`'s CRLF. */
  lineEnd(at: number, fieldsEnd: number): number {
    return at + 1 < this.count ? this.#spans[(at + 1) * SPAN]! : fieldsEnd;
  }

  /**
   * Reads `name: value CRLF` lines from `start` up to `end`, which stands behind the last line's CRLF. Spans
   * are relative to `base`. Strict where leniency lets two hops read two messages: no bare CR or LF, no
   * folded lines, no space before the colon.
   */
  parse(bytes: Uint8Array, start: number, end: number, base: number, max: number): FieldError | undefined {
    this.count = 0;
    this.kinds = 0;
    let at = start;
    while (at < end) {
      if (this.count === max) return 'too-many-fields';
      const lineStart = at;
      let byte = bytes[at]!;
      if (byte === SPACE || byte === TAB) return 'folded-line';
      let hasUnderscore = false;
      while ((CHARS[byte]! & TOKEN) !== 0) {
        if (byte === 0x5f) hasUnderscore = true;
        byte = bytes[++at]!;
      }
      if (byte !== COLON) {
        if (byte === SPACE || byte === TAB) return 'space-before-colon';
        return byte === CR || byte === LF ? 'bare-cr-or-lf' : 'field-name';
      }
      const nameEnd = at;
      if (nameEnd === lineStart) return 'field-name';
      do byte = bytes[++at]!;
      while (byte === SPACE || byte === TAB);
      const valueStart = at;
      // VALUE, for nearly every byte told without its table.
      while ((byte >= SPACE && byte < DEL) || (CHARS[byte]! & VALUE) !== 0) byte = bytes[++at]!;
      if (byte !== CR) return byte === LF ? 'bare-cr-or-lf' : 'field-value';
      if (bytes[at + 1] !== LF) return 'bare-cr-or-lf';
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB))
        valueEnd--;
      at += 2;
      if ((this.count + 1) * SPAN > this.#spans.length) this.#grow();
      const spans = this.#spans;
      const slot = this.count++ * SPAN;
      spans[slot] = lineStart - base;
      spans[slot + 1] = nameEnd - base;
      spans[slot + 2] = valueStart - base;
      spans[slot + 3] = valueEnd - base;
      const kind = kindOf(bytes, lineStart, nameEnd, hasUnderscore);
      spans[slot + 4] = kind;
      this.kinds |= 1 << kind;
    }
    return undefined;
  }

  #grow(): void {
    const spans = new Int32Array(this.#spans.length * 2);
    spans.set(this.#spans);
    this.#spans = spans;
  }
}

/**
 * `x_forwarded_for` is the same variable as `x-forwarded-for` to CGI and WSGI apps, so an underscored
 * spelling of a field that the gateway vouches for is taken for that field; for framing fields and Host an
 * underscore makes another name, as in every parser.
 */
function kindOf(bytes: Uint8Array, start: number, end: number, hasUnderscore: boolean): number {
  const candidates = KNOWN_BY_LENGTH[end - start];
  if (candidates !== undefined) {
    for (let i = 0; i < candidates.length; i++) {
      const { name, kind } = candidates[i]!;
      if (!startsWith(bytes, start, name, hasUnderscore)) continue;
      if (!hasUnderscore || SPOKEN_FOR.has(kind)) return kind;
    }
  }
  return end - start > HEARSAY_START.length && startsWith(bytes, start, HEARSAY_START, hasUnderscore)
    ? HEARSAY
    : OTHER;
}

/** What an app reads under a spelling with underscores as well. */
const SPOKEN_FOR = new Set([
  FORWARDED_FOR,
  FORWARDED_PROTO,
  FORWARDED_HOST,
  FORWARDED,
  REAL_IP,
  REQUEST_ID,
  EXPOSED,
  HEARSAY,
]);

function startsWith(bytes: Uint8Array, start: number, name: string, hasUnderscore: boolean): boolean {
  for (let at = 0; at < name.length; at++) {
    const byte = bytes[start + at]!;
    const lower = byte >= 65 && byte <= 90 ? byte | 32 : hasUnderscore && byte === 0x5f ? 0x2d : byte;
    if (lower !== name.charCodeAt(at)) return false;
  }
  return true;
}

/**
 * Fields that a `Connection` field can't take away: an upstream that misses one would treat the request as
 * another user's.
 */
const NOT_NOMINABLE = new Set([
  'authorization',
  'cache-control',
  'content-type',
  'date',
  'set-cookie',
  'location',
  'origin',
]);

/** What `Connection` fields declare (RFC 9110 §7.6.1). */
export interface Nominated {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /**
   * Names of fields that are between neighbours, in lower case; not those that are never passed on anyway.
   */
  readonly others: readonly string[];
}

export const NOTHING_NOMINATED: Nominated = { close: false, keepAlive: false, upgrade: false, others: [] };

export function nominated(text: string, fields: Fields): Nominated {
  let names: string[] | undefined;
  for (let at = 0; at < fields.count; at++) {
    if (fields.kind(at) !== CONNECTION) continue;
    const value = text.slice(fields.valueStart(at), fields.valueEnd(at));
    // What nearly every client and upstream says.
    const usual = names === undefined ? USUAL.get(value) : undefined;
    if (usual !== undefined && isLast(fields, at)) return usual;
    for (const part of value.split(',')) {
      const name = trimBlank(part).toLowerCase();
      if (name !== '' && !NOT_NOMINABLE.has(name)) (names ??= []).push(name);
    }
  }
  return names === undefined ? NOTHING_NOMINATED : nominatedBy(names);
}

function nominatedBy(names: readonly string[]): Nominated {
  return {
    close: names.includes('close'),
    keepAlive: names.includes('keep-alive'),
    upgrade: names.includes('upgrade'),
    others: names.filter((name) => name !== 'keep-alive' && name !== 'upgrade'),
  };
}

const USUAL = new Map(
  ['keep-alive', 'Keep-Alive', 'close', 'Close', 'Upgrade', 'upgrade'].map((value) => [
    value,
    nominatedBy([value.toLowerCase()]),
  ]),
);

/** No other Connection field follows. */
function isLast(fields: Fields, at: number): boolean {
  for (let after = at + 1; after < fields.count; after++) if (fields.kind(after) === CONNECTION) return false;
  return true;
}

/** One bit a kind, for `keptLines`. */
export function kinds(...list: number[]): number {
  return list.reduce((mask, kind) => mask | (1 << kind), 0);
}

/**
 * What is passed on of `text` from `from`, which stands at its first field or before it, to `end`: all but
 * the lines of the kinds in `dropped` and of the names in `alsoDropped`. Lines that follow each other are
 * taken as one slice, so a head that loses nothing costs one slice.
 */
export function keptLines(
  text: string,
  fields: Fields,
  from: number,
  end: number,
  dropped: number,
  alsoDropped: readonly string[],
): string {
  if ((fields.kinds & dropped) === 0 && alsoDropped.length === 0) return text.slice(from, end);
  let kept = '';
  for (let at = 0; at < fields.count; at++) {
    const kind = fields.kind(at);
    let isDropped = ((dropped >>> kind) & 1) === 1;
    if (!isDropped && kind === OTHER && alsoDropped.length !== 0) {
      isDropped = alsoDropped.includes(text.slice(fields.lineStart(at), fields.nameEnd(at)).toLowerCase());
    }
    if (!isDropped) continue;
    const lineStart = fields.lineStart(at);
    if (lineStart > from) kept += text.slice(from, lineStart);
    from = fields.lineEnd(at, end);
  }
  return from < end ? kept + text.slice(from, end) : kept;
}

/**
 * Finds a field in the text of a head, for rules that ask: several of one name are joined as RFC 9110 §5.2
 * says.
 */
export function findField(text: string, fieldsStart: number, name: string): string | undefined {
  let found: string | undefined;
  let lineStart = fieldsStart;
  while (lineStart < text.length) {
    let lineEnd = text.indexOf('\r\n', lineStart);
    if (lineEnd === -1) lineEnd = text.length;
    const nameEnd = lineStart + name.length;
    if (text.charCodeAt(nameEnd) === COLON && isSameName(text, lineStart, name)) {
      const value = trimBlank(text, nameEnd + 1, lineEnd);
      found = found === undefined ? value : found + (name === 'cookie' ? '; ' : ', ') + value;
    }
    lineStart = lineEnd + 2;
  }
  return found;
}

function isSameName(text: string, start: number, lowerName: string): boolean {
  for (let at = 0; at < lowerName.length; at++) {
    const code = text.charCodeAt(start + at);
    if ((code >= 65 && code <= 90 ? code | 32 : code) !== lowerName.charCodeAt(at)) return false;
  }
  return true;
}
