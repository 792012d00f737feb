import { SPACE } from './chars.js';
import { endedHead, oddByte } from './partial-head.js';
import { parseRequestHead, type RequestError } from './request-head.js';

/** The status that a refused head is answered with. */
export function statusOf(error: RequestError | 'head-too-large'): number {
  switch (error) {
    case 'too-many-fields':
    case 'head-too-large':
      return 431;
    case 'transfer-encoding-unknown':
    case 'protocol':
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
 * What can be said of a request's head before it is whole: bytes that no head has are refused at once, for
 * the reason that the whole head would be refused for.
 */
export function refusalOfPart(
  bytes: Buffer,
  start: number,
  from: number,
  end: number,
  fieldsMax: number,
): RequestError | undefined {
  const odd = oddByte(bytes, start, from, end);
  if (odd === undefined) return undefined;
  const head = parseRequestHead(endedHead(bytes, start, end), 0, end - start + 4, fieldsMax, false);
  return typeof head === 'string' ? head : odd;
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
