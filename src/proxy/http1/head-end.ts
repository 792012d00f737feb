import { CR, LF } from './chars.js';

/**
 * Where a head ends that begins before `from`: behind the first empty line at or after `from`, or -1. Each
 * fourth byte is looked at, for one of them belongs to any CR LF CR LF. For heads, which are short, this
 * takes a fraction of what `Buffer.indexOf` takes.
 */
export function headEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from + 3; at < end; at += 4) {
    const byte = bytes[at]!;
    if (byte > CR) continue;
    if (byte === LF) {
      if (isEmptyLine(bytes, at - 3, from, end)) return at + 1;
      if (isEmptyLine(bytes, at - 1, from, end)) return at + 3;
    } else if (byte === CR) {
      if (isEmptyLine(bytes, at - 2, from, end)) return at + 2;
      if (isEmptyLine(bytes, at, from, end)) return at + 4;
    }
  }
  return -1;
}

function isEmptyLine(bytes: Uint8Array, at: number, from: number, end: number): boolean {
  return (
    at >= from &&
    at + 4 <= end &&
    bytes[at] === CR &&
    bytes[at + 1] === LF &&
    bytes[at + 2] === CR &&
    bytes[at + 3] === LF
  );
}
