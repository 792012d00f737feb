import type { ResponseHead } from '../http1/response-head.js';
import { acceptOf } from '../websocket-accept.js';

/**
 * The 2xx to a CONNECT with a protocol, as the 101 that it stands for (RFC 8441 §5). A client that came by
 * HTTP/1.1 sent a key, and gets the answer to it that HTTP/2 has no need of.
 */
export function upgradedHead(head: ResponseHead, protocol: string, key: string | undefined): ResponseHead {
  head.status = 101;
  head.reason = 'Switching Protocols';
  head.upgrade = protocol;
  // RFC 9110 §9.3.6: none of these means anything in an answer to CONNECT.
  head.fields = head.fields.replace(/^(?:content-length|sec-websocket-accept):[^\r]*\r\n/gim, '');
  if (key !== undefined) head.fields += `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n`;
  return head;
}
