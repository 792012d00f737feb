import type { ChunkFault } from './http1/chunked.js';
import type { ResponseError } from './http1/response-head.js';
import type { ResponseBlockFault } from './http2/response-block.js';

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
  /** The upstream speaks no HTTP/2, which its pool asks for: ALPN or its first bytes say so. */
  | 'not-http2'
  /** It has reset the stream, or broken the rules of HTTP/2: the cause says how. */
  | 'reset'
  | 'http2'
  /** It says that it has not processed the request: REFUSED_STREAM, or GOAWAY (RFC 9113 §8.7). */
  | 'refused'
  /** All connections that may be have all the streams that they take. */
  | 'full'
  /** An upgrade that can't go by HTTP/2: it is sent by HTTP/1.1 instead. */
  | 'needs-http1'
  | 'trailer'
  | ChunkFault
  | ResponseError
  | ResponseBlockFault;

/** No connection was made, or no stream, so the request was not sent: any request may be tried elsewhere. */
export function isUnreachable(fault: UpstreamFault): boolean {
  switch (fault) {
    case 'connect':
    case 'connect-timeout':
    case 'local':
    case 'not-http2':
    case 'full':
      return true;
    default:
      return false;
  }
}

/** It says nothing of the upstream's being there: the user needn't move for it. */
export function isShortage(fault: UpstreamFault): boolean {
  return fault === 'local' || fault === 'full';
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
    case 'full':
    case 'refused':
      return { status: 503, code: `upstream-${fault}` };
    default:
      return { status: 502, code: `upstream-${fault}` };
  }
}
