import type { RequestHead } from '../http1/request-head.js';
import { encodeField, encodeLine, encodeLines } from './hpack-encoder.js';

const SCHEMES = { http: encodeField(':scheme', 'http'), https: encodeField(':scheme', 'https') } as const;
const CONNECT = encodeField(':method', 'CONNECT');
const TRAILERS = encodeField('te', 'trailers');

const REQUEST_ID = '\r\nX-Request-Id: ';

/** What fields of the gateway's own came to, by their text: those of one client are mostly the same. */
const keptBlocks = new Map<string, string>();
const KEPT_BLOCKS_MAX = 512;

/**
 * A request's head as an HTTP/2 upstream gets it, with these of its fields. `authority` stands in for the
 * Host that an HTTP/1.0 client may leave out; `added` are field lines of the gateway's own. A WebSocket
 * becomes a CONNECT with its protocol (RFC 8441 §4).
 */
export function requestBlock(
  head: RequestHead,
  fields: string,
  added: string,
  scheme: 'http' | 'https',
  authority: string,
): string {
  const isConnect = head.upgrade !== '';
  let block = isConnect
    ? CONNECT + encodeField(':protocol', head.upgrade)
    : encodeField(':method', head.method);
  block += SCHEMES[scheme];
  block += encodeField(':path', head.sentTarget || head.target);
  block += encodeField(':authority', head.sentHost || head.host || authority);
  let start = 0;
  while (start < fields.length) {
    const end = fields.indexOf('\r\n', start);
    const line = fields.slice(start, end);
    start = end + 2;
    if (!isHost(line) && !(isConnect && isKey(line))) block += encodeLine(line);
  }
  if (head.hasLength && !isConnect) block += encodeField('content-length', String(head.bodyBytes));
  if (head.isGrpc || takesTrailers(head)) block += TRAILERS;
  return block + addedBlock(added);
}

/** It stands in `:authority`. */
function isHost(line: string): boolean {
  return line.charCodeAt(4) === 0x3a && line.slice(0, 4).toLowerCase() === 'host';
}

/** HTTP/2 has no need of it (RFC 8441 §5). */
function isKey(line: string): boolean {
  return /^sec-websocket-key:/i.test(line);
}

function takesTrailers(head: RequestHead): boolean {
  const te = head.get('te');
  return te !== undefined && /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(te);
}

/** The request's id is another each time; what stands before it is mostly the same. */
function addedBlock(added: string): string {
  const idAt = added.indexOf(REQUEST_ID);
  if (idAt === -1) return encodeLines(added);
  const others = added.slice(0, idAt + 2);
  let block = keptBlocks.get(others);
  if (block === undefined) {
    block = encodeLines(others);
    if (keptBlocks.size >= KEPT_BLOCKS_MAX) keptBlocks.clear();
    keptBlocks.set(others, block);
  }
  const end = added.indexOf('\r\n', idAt + 2);
  block += encodeField('x-request-id', added.slice(idAt + REQUEST_ID.length, end));
  return end + 2 === added.length ? block : block + encodeLines(added.slice(end + 2));
}
