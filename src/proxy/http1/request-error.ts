import { CHARS, CR, LF, SPACE, VALUE } from './chars.js';
import type { RequestError } from './request-head.js';

/** The status that a refused head is answered with. */
export function statusOf(error: RequestError): number {
  switch (error) {
    case 'too-many-fields':
      return 431;
    case 'transfer-encoding-unknown':
      return 501;
    case 'version':
      return 505;
    case 'expectation':
      return 417;
    default:
      return 400;
  }
}

/**
 * What can be said of a head before it is whole: bare CR, bare LF and bytes that no head has are refused at
 * once.
 */
export function checkPartialHead(bytes: Buffer, start: number, end: number): RequestError | undefined {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if ((CHARS[byte]! & VALUE) !== 0) continue;
    if (byte === CR && (at + 1 === end || bytes[at + 1] === LF)) continue;
    if (byte === LF && at > 0 && bytes[at - 1] === CR) continue;
    return byte === CR || byte === LF ? 'bare-cr-or-lf' : 'field-value';
  }
  return undefined;
}

/** Asked for without a body: so is the refusal, whatever is wrong with the rest of the head. */
export function isHead(bytes: Buffer, start: number, end: number): boolean {
  return (
    end - start >= 5 &&
    bytes[start] === 72 &&
    bytes[start + 1] === 69 &&
    bytes[start + 2] === 65 &&
    bytes[start + 3] === 68 &&
    bytes[start + 4] === SPACE
  );
}
