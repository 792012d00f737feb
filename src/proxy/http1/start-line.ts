import type { AnswerHead } from '../sides.js';
import type { RequestHead } from './request-head.js';

/** In origin form, whatever the client wrote (RFC 9112 §3.2.1). */
export function requestLine(head: RequestHead): string {
  return `${head.method} ${head.sentTarget === '' ? head.target : head.sentTarget} HTTP/1.1\r\n`;
}

/** The space behind the status must be there, with and without a phrase (RFC 9112 §4). */
export function statusLine(head: Pick<AnswerHead, 'status' | 'reason'>): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
}
