import { CHUNKED, type RequestHead } from './request-head.js';
import { requestLine } from './start-line.js';

/**
 * A request's head as an HTTP/1.1 upstream gets it, with these of its fields. `authority` stands in for the
 * Host that an HTTP/1.0 client may leave out, so that exactly one Host line goes on; `added` are field lines
 * of the gateway's own.
 */
export function requestText(head: RequestHead, fields: string, authority: string, added: string): string {
  let text = requestLine(head) + fields;
  if (!head.hasHostLine) text += `Host: ${head.sentHost || head.host || authority}\r\n`;
  if (head.hasLength) text += `Content-Length: ${head.bodyBytes}\r\n`;
  else if (head.bodyBytes === CHUNKED) text += 'Transfer-Encoding: chunked\r\n';
  if (head.upgrade !== '') text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  return `${text}${added}\r\n`;
}
