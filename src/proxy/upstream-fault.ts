import type { ResponseError } from './http1/response-head.js';

/**
 * Why an upstream gave no answer, or not the whole of one. Stands in the access log and, behind `upstream-`,
 * in the answer.
 */
export type UpstreamFault =
  | 'connect'
  | 'connect-timeout'
  | 'closed'
  | 'answer-timeout'
  | 'body-timeout'
  | 'head-too-large'
  | 'chunk'
  | ResponseError;

/** No connection was made, so the request was not sent: any request may be tried elsewhere. */
export function isUnreachable(fault: UpstreamFault): boolean {
  return fault === 'connect' || fault === 'connect-timeout';
}

/** What the client is told when nothing more can be tried. */
export function answerTo(fault: UpstreamFault): { status: number; code: string } {
  switch (fault) {
    case 'connect-timeout':
    case 'answer-timeout':
    case 'body-timeout':
      return { status: 504, code: 'upstream-timeout' };
    default:
      return { status: 502, code: `upstream-${fault}` };
  }
}
