import { CHARS, CR, LF, SPACE, VALUE, parseLength } from './chars.js';
import {
  CONNECTION, CONTENT_LENGTH, EXPOSED, HOP, KEEP_ALIVE, TRANSFER_ENCODING, UPGRADE, Fields, keptLines, kinds, nominated, type FieldError,
} from './fields.js';
import { CHUNKED } from './request-head.js';

/** Why an upstream's answer was refused; the client gets 502. */
export type ResponseError = FieldError | 'status-line' | 'length' | 'length-repeated' | 'length-and-transfer-encoding' | 'transfer-encoding' | 'upgrade';

/** `bodyBytes` of an answer that ends with its connection. */
export const UNTIL_CLOSE = -2;

const fields = new Fields();

/** An upstream's head, checked. */
export class ResponseHead {
  status = 0;
  /** As sent; may be empty. */
  reason = '';
  /** A number of bytes, CHUNKED or UNTIL_CLOSE. */
  bodyBytes = 0;
  /** The upstream will take another request on this connection. */
  keepAlive = true;
  /** What the upstream said of its idle time-out (`Keep-Alive: timeout=5`); -1 when it didn't. */
  keepAliveMs = -1;
  /** With 101: the protocol. */
  upgrade = '';
  /** The field lines for the client, each with its CRLF. */
  kept = '';
}

const DROPPED = kinds(CONNECTION, HOP, KEEP_ALIVE, UPGRADE, TRANSFER_ENCODING, EXPOSED);
/** What frames a body, where there can't be one (RFC 9110 §8.6: no Content-Length in 1xx and 204). */
const DROPPED_BODILESS = DROPPED | kinds(CONTENT_LENGTH);

/**
 * Parses the head in `bytes` from `start` up to `end`, which stands behind the empty line. The request's method matters: an answer to
 * HEAD has the length of a body that doesn't come.
 */
export function parseResponseHead(bytes: Buffer, start: number, end: number, method: string, fieldsMax: number): ResponseHead | ResponseError {
  // "HTTP/1.x SSS", a space and a reason, which may be missing with its space.
  if (bytes[start] !== 72 || bytes[start + 1] !== 84 || bytes[start + 2] !== 84 || bytes[start + 3] !== 80 || bytes[start + 4] !== 47) return 'status-line';
  const minor = bytes[start + 7]! - 48;
  if (bytes[start + 5] !== 49 || bytes[start + 6] !== 46 || (minor !== 0 && minor !== 1) || bytes[start + 8] !== SPACE) return 'status-line';
  const hundreds = bytes[start + 9]! - 48;
  const tens = bytes[start + 10]! - 48;
  const ones = bytes[start + 11]! - 48;
  if (!(hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) return 'status-line';
  let at = start + 12;
  const reasonStart = bytes[at] === SPACE ? ++at : at;
  while ((CHARS[bytes[at]!]! & VALUE) !== 0) at++;
  if (at > reasonStart && reasonStart === start + 12) return 'status-line';
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return 'status-line';
  const fieldsStart = at + 2;
  const error = fields.parse(bytes, fieldsStart, end - 2, start, fieldsMax);
  if (error !== undefined) return error;

  const text = bytes.toString('latin1', start, end - 2);
  const head = new ResponseHead();
  head.status = hundreds * 100 + tens * 10 + ones;
  head.reason = text.slice(reasonStart - start, at - start);
  return readFields(head, text, method, minor === 0) ?? head;
}

function readFields(head: ResponseHead, text: string, method: string, isHttp10: boolean): ResponseError | undefined {
  let length = -1;
  let codings = 0;
  let connection = false;
  for (let at = 0; at < fields.count; at++) {
    const kind = fields.kind(at);
    if (kind === 0) continue;
    switch (kind) {
      case CONTENT_LENGTH:
        if (length !== -1) return 'length-repeated';
        length = parseLength(text.slice(fields.valueStart(at), fields.valueEnd(at)));
        if (length < 0) return 'length';
        break;
      case TRANSFER_ENCODING:
        if (++codings > 1 || isHttp10 || text.slice(fields.valueStart(at), fields.valueEnd(at)).toLowerCase() !== 'chunked') return 'transfer-encoding';
        break;
      case CONNECTION:
        connection = true;
        break;
      case KEEP_ALIVE: {
        const match = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(text.slice(fields.valueStart(at), fields.valueEnd(at)));
        if (match !== null) head.keepAliveMs = Number(match[1]) * 1000;
        break;
      }
      case UPGRADE:
        head.upgrade = text.slice(fields.valueStart(at), fields.valueEnd(at));
    }
  }
  if (codings > 0 && length !== -1) return 'length-and-transfer-encoding';
  const names = connection ? nominated(text, fields) : NO_NAMES;
  head.keepAlive = isHttp10 ? names.includes('keep-alive') : !names.includes('close');

  const { status } = head;
  if (status === 101 && (head.upgrade === '' || !names.includes('upgrade'))) return 'upgrade';
  const isBodiless = status < 200 || status === 204;
  if (isBodiless || status === 304 || method === 'HEAD') head.bodyBytes = 0;
  else if (codings > 0) head.bodyBytes = CHUNKED;
  else head.bodyBytes = length === -1 ? UNTIL_CLOSE : length;
  if (head.bodyBytes === UNTIL_CLOSE) head.keepAlive = false;
  head.kept = keptLines(text, fields, text.length, isBodiless ? DROPPED_BODILESS : DROPPED, names);
  return undefined;
}

const NO_NAMES: readonly string[] = [];
