import type { ChunkFault } from './http1/chunked.js';
import type { ResponseError } from './http1/response-head.js';

/**
 * Why an upstream gave no answer, or not the whole of one. Stands in the access log and, behind `upstream-`,
 * in the answer.
 */
export type UpstreamFault =
  | 'connect'
  | 'connect-timeout'
  /** No connection could be tried, for want of a socket, a port or memory here. */
  | 'local'
  | 'closed'
  | 'answer-timeout'
  | 'body-timeout'
  | 'head-too-large'
  | 'too-many-interim'
  | ChunkFault
  | ResponseError;

/** No connection was made, so the request was not sent: any request may be tried elsewhere. */
export function isUnreachable(fault: UpstreamFault): boolean {
  return fault === 'connect' || fault === 'connect-timeout' || fault === 'local';
}

/** What the client is told when nothing more can be tried. */
export function answerTo(fault: UpstreamFault): { status: number; code: string } {
  switch (fault) {
    case 'connect-timeout':
    case 'answer-timeout':
    case 'body-timeout':
      return { status: 504, code: 'upstream-timeout' };
    case 'local':
      return { status: 503, code: 'out-of-sockets' };
    default:
      return { status: 502, code: `upstream-${fault}` };
  }
}
