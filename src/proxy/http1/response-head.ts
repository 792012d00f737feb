import { logsConnectionIn } from './connection-login.js';
import { CHARS, CR, LF, SPACE, VALUE, parseLength } from './chars.js';
import {
  AUTHENTICATE,
  CONNECTION,
  CONTENT_LENGTH,
  DATE,
  EXPOSED,
  HANDOVER,
  HOP,
  KEEP_ALIVE,
  NOTHING_NOMINATED,
  OTHER,
  TRANSFER_ENCODING,
  UPGRADE,
  Fields,
  keptLines,
  kinds,
  nominated,
  type FieldError,
  type Nominated,
} from './fields.js';
import { endedHead, oddByte } from './partial-head.js';
import { CHUNKED } from './request-head.js';
import { isForSharedCaches } from './shared-answers.js';

/** Why an upstream's answer was refused; the client gets 502. */
export type ResponseError =
  | FieldError
  | 'status-line'
  | 'length'
  | 'length-repeated'
  | 'length-and-transfer-encoding'
  | 'transfer-encoding'
  | 'upgrade';

/** `bodyBytes` of an answer that ends with its connection. */
export const UNTIL_CLOSE = -2;

const fields = new Fields();

/** An upstream's head, checked: an AnswerHead (sides.ts) with what its own side needs. */
export class ResponseHead {
  status = 0;
  /** A number of bytes, CHUNKED or UNTIL_CLOSE. */
  bodyBytes = 0;
  /** The upstream will take another request on this connection. */
  keepAlive = true;
  /** What the upstream said of its idle time-out (`Keep-Alive: timeout=5`); -1 when it didn't. */
  keepAliveMs = -1;
  /** It asks to log the connection in, or has done so: see logged-in.ts. */
  logsIn = false;
  /** With 101: the protocol. */
  upgrade = '';
  /** A Date is among `fields` (RFC 9110 §6.6.1: one that lacks it gets one on the way). */
  hasDate = false;
  reason = '';
  /** The field lines for the client, each with its CRLF. */
  fields = '';
  inChunks = false;
  handsOver = false;
  lacksLength = false;

  /** Shared caches may keep it. */
  get isShared(): boolean {
    return isForSharedCaches(this.fields);
  }
}

const DROPPED = kinds(CONNECTION, HOP, KEEP_ALIVE, UPGRADE, TRANSFER_ENCODING, EXPOSED, HANDOVER);
const HAS_HANDOVER = kinds(HANDOVER);
const ALSO_LENGTH = kinds(CONTENT_LENGTH);
const HAS_DATE = kinds(DATE);

/**
 * Parses the head in `bytes` from `start` up to `end`, which stands behind the empty line. The request's
 * method matters: an answer to HEAD has the length of a body that doesn't come.
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  method: string,
  fieldsMax: number,
): ResponseHead | ResponseError {
  // "HTTP/1.x SSS", a space and a reason, which may be missing with its space.
  if (
    bytes[start] !== 72 ||
    bytes[start + 1] !== 84 ||
    bytes[start + 2] !== 84 ||
    bytes[start + 3] !== 80 ||
    bytes[start + 4] !== 47
  )
    return 'status-line';
  const minor = bytes[start + 7]! - 48;
  if (
    bytes[start + 5] !== 49 ||
    bytes[start + 6] !== 46 ||
    (minor !== 0 && minor !== 1) ||
    bytes[start + 8] !== SPACE
  )
    return 'status-line';
  const hundreds = bytes[start + 9]! - 48;
  const tens = bytes[start + 10]! - 48;
  const ones = bytes[start + 11]! - 48;
  if (!(hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9))
    return 'status-line';
  let at = start + 12;
  const reasonStart = bytes[at] === SPACE ? ++at : at;
  while ((CHARS[bytes[at]!]! & VALUE) !== 0) at++;
  if (at > reasonStart && reasonStart === start + 12) return 'status-line';
  if (bytes[at] !== CR || bytes[at + 1] !== LF)
    return bytes[at] === CR || bytes[at] === LF ? 'bare-cr-or-lf' : 'status-line';
  const fieldsStart = at + 2;
  const error = fields.parse(bytes, fieldsStart, end - 2, start, fieldsMax);
  if (error !== undefined) {
    const mended =
      error === 'space-before-colon' ? withoutBlanksBeforeColons(bytes, start, fieldsStart, end) : undefined;
    return mended === undefined ? error : parseResponseHead(mended, 0, mended.length, method, fieldsMax);
  }

  const text = bytes.toString('latin1', start, end - 2);
  const head = new ResponseHead();
  head.status = hundreds * 100 + tens * 10 + ones;
  const names = readFields(head, text, method, minor === 0);
  if (typeof names === 'string') return names;
  head.hasDate = (fields.kinds & HAS_DATE) !== 0;
  head.handsOver = (fields.kinds & HAS_HANDOVER) !== 0;
  const length = lengthLine(head.status, text);
  const dropped = length === AS_IT_IS ? DROPPED : DROPPED | ALSO_LENGTH;
  head.reason = text.slice(reasonStart - start, at - start);
  head.fields = keptLines(text, fields, fieldsStart - start, text.length, dropped, names.others);
  if (length !== AS_IT_IS) head.fields += length;
  return head;
}

/**
 * What can be said of an answer's head before it is whole. Without this, one that never will be (its lines
 * end in LF, or it speaks another protocol) would be waited for, and look like an upstream that is slow.
 */
export function faultOfPart(
  bytes: Buffer,
  start: number,
  end: number,
  method: string,
  fieldsMax: number,
): ResponseError | undefined {
  for (let at = 0; at < VERSION.length && start + at < end; at++)
    if (bytes[start + at] !== VERSION.charCodeAt(at)) return 'status-line';
  const odd = oddByte(bytes, start, start, end);
  if (odd === undefined) return undefined;
  const head = parseResponseHead(endedHead(bytes, start, end), 0, end - start + 4, method, fieldsMax);
  return typeof head === 'string' ? head : odd;
}

const VERSION = 'HTTP/1.';

/**
 * A head that lost the blanks between field names and colons, as a proxy must take them out of an answer (RFC
 * 9112 §5.1); undefined where that isn't what is wrong.
 */
function withoutBlanksBeforeColons(
  bytes: Buffer,
  start: number,
  fieldsStart: number,
  end: number,
): Buffer | undefined {
  const lines = bytes.toString('latin1', fieldsStart, end);
  const mended = lines.replace(/^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]+:/gm, '$1:');
  if (mended.length === lines.length) return undefined;
  return Buffer.from(bytes.toString('latin1', start, fieldsStart) + mended, 'latin1');
}

const AS_IT_IS = 'as it is';

/**
 * The Content-Length line for the client: checked byte for byte and then passed on as it came, or written
 * anew; empty where there can't be one (RFC 9110 §8.6: none in 1xx and 204).
 */
function lengthLine(status: number, text: string): string {
  if ((fields.kinds & ALSO_LENGTH) === 0) return AS_IT_IS;
  if (isBodiless(status)) return '';
  for (let at = 0; at < fields.count; at++) {
    if (fields.kind(at) !== CONTENT_LENGTH) continue;
    const valueStart = fields.valueStart(at);
    const valueEnd = fields.valueEnd(at);
    const isPlain =
      valueStart === fields.nameEnd(at) + 2 &&
      text[valueStart - 1] === ' ' &&
      text[valueEnd] === '\r' &&
      (text[valueStart] !== '0' || valueEnd === valueStart + 1);
    return isPlain ? AS_IT_IS : `Content-Length: ${parseLength(text.slice(valueStart, valueEnd))}\r\n`;
  }
  return AS_IT_IS;
}

export function isBodiless(status: number): boolean {
  return status < 200 || status === 204;
}

function readFields(
  head: ResponseHead,
  text: string,
  method: string,
  isHttp10: boolean,
): ResponseError | Nominated {
  let length = -1;
  let codings = 0;
  for (let at = 0; at < fields.count; at++) {
    const kind = fields.kind(at);
    if (kind === OTHER) continue;
    switch (kind) {
      case CONTENT_LENGTH:
        if (length !== -1) return 'length-repeated';
        length = parseLength(text.slice(fields.valueStart(at), fields.valueEnd(at)));
        if (length < 0) return 'length';
        break;
      case TRANSFER_ENCODING:
        if (
          ++codings > 1 ||
          isHttp10 ||
          text.slice(fields.valueStart(at), fields.valueEnd(at)).toLowerCase() !== 'chunked'
        )
          return 'transfer-encoding';
        break;
      case KEEP_ALIVE:
        head.keepAliveMs = timeoutMs(
          text.slice(fields.valueStart(at), fields.valueEnd(at)),
          head.keepAliveMs,
        );
        break;
      case AUTHENTICATE:
        head.logsIn ||= logsConnectionIn(text.slice(fields.valueStart(at), fields.valueEnd(at)));
        break;
      case UPGRADE:
        head.upgrade = text.slice(fields.valueStart(at), fields.valueEnd(at));
    }
  }
  if (codings > 0 && length !== -1) return 'length-and-transfer-encoding';
  const names = (fields.kinds & HAS_CONNECTION) === 0 ? NOTHING_NOMINATED : nominated(text, fields);
  head.keepAlive = isHttp10 ? names.keepAlive : !names.close;

  const { status } = head;
  // Its Proxy-Authenticate goes no further, so what it asks for isn't known.
  if (status === 407) head.logsIn = true;
  if (status === 101 && (head.upgrade === '' || !names.upgrade)) return 'upgrade';
  if (isBodiless(status) || status === 304 || method === 'HEAD') head.bodyBytes = 0;
  else if (codings > 0) {
    head.bodyBytes = CHUNKED;
    head.inChunks = true;
  } else head.bodyBytes = length === -1 ? UNTIL_CLOSE : length;
  if (head.bodyBytes === UNTIL_CLOSE) head.keepAlive = false;
  return names;
}

const HAS_CONNECTION = kinds(CONNECTION);

/** An upstream says the same each time. */
let keepAliveBefore = '';
let keepAliveMsBefore = -1;

function timeoutMs(keepAlive: string, otherwise: number): number {
  if (keepAlive !== keepAliveBefore) {
    const match = /(?:^|[, \t])timeout=(\d{1,6})(?![^, \t;])/i.exec(keepAlive);
    keepAliveBefore = keepAlive;
    keepAliveMsBefore = match === null ? -1 : parseLength(match[1]!) * 1000;
  }
  return keepAliveMsBefore === -1 ? otherwise : keepAliveMsBefore;
}
