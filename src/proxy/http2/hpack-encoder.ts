import { trimBlank } from '../../base/blank.js';
import { STATIC_INDEX_OF_FIELD, STATIC_INDEX_OF_NAME } from './static-table.js';

/** The longest line that is remembered, and how many: what repeats is short. */
const KEPT_LINE_CHARACTERS_MAX = 256;
const KEPT_LINES_MAX = 2048;

/**
 * Values that no hop may put into a table (RFC 7541 §7.1.3): compressed beside others they could be guessed.
 */
const NEVER_INDEXED = new Set(['authorization', 'cookie', 'proxy-authorization', 'set-cookie']);

/** What lines came to, by their text; the same for every connection. */
const keptLines = new Map<string, string>();

/**
 * Field lines (`Name: value CRLF`) as a header block, one character a byte. It uses the static table and
 * literals alone: a block then depends on its text and on no connection, so what a line comes to is kept.
 */
export function encodeLines(lines: string): string {
  let block = '';
  let start = 0;
  while (start < lines.length) {
    const end = lines.indexOf('\r\n', start);
    block += encodeLine(lines.slice(start, end));
    start = end + 2;
  }
  return block;
}

/** `:status`, which begins every answer. */
export function encodeStatus(status: number): string {
  return (keptStatuses[status] ??= encodeField(':status', String(status)));
}

/** By their number, which has three digits. */
const keptStatuses: (string | undefined)[] = [];

export function encodeField(name: string, value: string): string {
  const whole = STATIC_INDEX_OF_FIELD.get(`${name}: ${value}`);
  if (whole !== undefined) return encodeInteger(whole, 7, 0x80);
  const index = STATIC_INDEX_OF_NAME.get(name) ?? 0;
  const head = encodeInteger(index, 4, NEVER_INDEXED.has(name) ? 0x10 : 0);
  return (index === 0 ? head + encodeText(name) : head) + encodeText(value);
}

/** One line, without its CRLF. */
export function encodeLine(line: string): string {
  const kept = keptLines.get(line);
  if (kept !== undefined) return kept;
  const colon = line.indexOf(':');
  const encoded = encodeField(line.slice(0, colon).toLowerCase(), trimBlank(line, colon + 1, line.length));
  if (line.length <= KEPT_LINE_CHARACTERS_MAX) {
    // Answers change some of their lines in time (dates, tags): begin anew now and then.
    if (keptLines.size >= KEPT_LINES_MAX) keptLines.clear();
    keptLines.set(line, encoded);
  }
  return encoded;
}

function encodeText(text: string): string {
  return encodeInteger(text.length, 7, 0) + text;
}

function encodeInteger(value: number, prefix: number, pattern: number): string {
  const mask = (1 << prefix) - 1;
  if (value < mask) return String.fromCharCode(pattern | value);
  let text = String.fromCharCode(pattern | mask);
  for (value -= mask; value >= 0x80; value >>>= 7) text += String.fromCharCode((value & 0x7f) | 0x80);
  return text + String.fromCharCode(value);
}
