import { CHARS, CR, LF, VALUE } from './chars.js';

/**
 * A byte that no head has, at or behind `from` in the head that begins at `start`: a bare CR, a bare LF, a
 * control character.
 */
export function oddByte(
  bytes: Uint8Array,
  start: number,
  from: number,
  end: number,
): 'bare-cr-or-lf' | 'field-value' | undefined {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!;
    if ((CHARS[byte]! & VALUE) !== 0) continue;
    if (byte === CR && (at + 1 === end || bytes[at + 1] === LF)) continue;
    if (byte === LF && at > start && bytes[at - 1] === CR) continue;
    return byte === CR || byte === LF ? 'bare-cr-or-lf' : 'field-value';
  }
  return undefined;
}

/** The beginning of a head as if it ended there, to be told what is wrong with it. */
export function endedHead(bytes: Buffer, start: number, end: number): Buffer {
  return Buffer.concat([bytes.subarray(start, end), END]);
}

const END = Buffer.from('\r\n\r\n', 'latin1');
