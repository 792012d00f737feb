import { CHUNKED, type RequestHead } from './http1/request-head.js';

/**
 * A request's head as the upstream gets it, with these of its lines. `authority` stands in for the Host that
 * an HTTP/1.0 client may leave out. Exactly one Host line comes of it.
 */
export function upstreamHead(
  head: RequestHead,
  lines: string,
  authority: string,
  forwardedFields: string,
  requestId: string,
): string {
  let text = lines;
  if (!head.hasHostLine) text += `Host: ${head.host === '' ? authority : head.host}\r\n`;
  if (head.hasLength) text += `Content-Length: ${head.bodyBytes}\r\n`;
  else if (head.bodyBytes === CHUNKED) text += 'Transfer-Encoding: chunked\r\n';
  if (head.upgrade !== '') text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  return `${text}${forwardedFields}X-Request-Id: ${requestId}\r\n\r\n`;
}
