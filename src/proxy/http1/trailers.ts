import {
  AUTHENTICATE,
  AUTHORIZATION,
  CONNECTION,
  CONTENT_LENGTH,
  COOKIE,
  DATE,
  EXPECT,
  EXPOSED,
  HANDOVER,
  Fields,
  FORWARDED,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PROTO,
  HEARSAY,
  HOP,
  HOST,
  KEEP_ALIVE,
  REAL_IP,
  REQUEST_ID,
  TRAILER,
  TRANSFER_ENCODING,
  UPGRADE,
  keptLines,
  kinds,
} from './fields.js';

const TRAILER_FIELDS_MAX = 32;

/**
 * What a trailer may not bring in late (RFC 9110 §6.5.1, RFC 7230 §4.1.2): framing, routing, who is asking,
 * what the request is about, what an answer means.
 */
const NOT_TRAILERS = kinds(
  AUTHENTICATE,
  AUTHORIZATION,
  HOST,
  CONNECTION,
  CONTENT_LENGTH,
  TRANSFER_ENCODING,
  UPGRADE,
  HOP,
  KEEP_ALIVE,
  TRAILER,
  EXPECT,
  COOKIE,
  FORWARDED,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PROTO,
  REAL_IP,
  REQUEST_ID,
  EXPOSED,
  HANDOVER,
  HEARSAY,
  DATE,
);
const NOT_TRAILER_NAMES = [
  'age',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'expires',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'set-cookie',
  'vary',
  'warning',
];

const fields = new Fields();

/**
 * What is passed on of a trailer section, given with its empty line: field lines, each with its CRLF.
 * `undefined` when it isn't one.
 */
export function passedTrailers(section: string): string | undefined {
  if (section.length === 2) return '';
  const bytes = Buffer.from(section, 'latin1');
  const end = bytes.length - 2;
  if (fields.parse(bytes, 0, end, 0, TRAILER_FIELDS_MAX) !== undefined) return undefined;
  return keptLines(section, fields, 0, end, NOT_TRAILERS, NOT_TRAILER_NAMES);
}
