import { StickyError } from '../../base/errors.js';

/** How values become text and text values. */
export interface Codec {
  encode(value: unknown): string;
  /** May throw for text that it did not write; the entry then counts as absent. */
  decode(text: string): unknown;
}

export const jsonCodec: Codec = {
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text) as unknown,
};

export function encodeValue(codec: Codec, value: unknown): string {
  let text: unknown;
  try {
    text = codec.encode(value);
  } catch (error) {
    throw new StickyError(
      'STICKY_CACHE_INVALID',
      "A value can't be written as text (JSON takes no circles and no BigInt). Cache plain data, or give a `codec` that can.",
      { cause: error },
    );
  }
  if (typeof text !== 'string')
    throw new StickyError(
      'STICKY_CACHE_INVALID',
      'A value has no text (JSON has none for functions and symbols). Cache plain data, or give a `codec` that can.',
    );
  return text;
}

/**
 * The value as every caller gets it, frozen: they all share it, and who changed it would change it for the
 * others. It is read back from its text even right after it was loaded, so that it has the same shape
 * whichever level answers (a Date in JSON is a text).
 */
export function decodeValue(codec: Codec, text: string): unknown {
  return frozen(codec.decode(text));
}

/** The same for text that its own codec has just written. */
export function readBack(codec: Codec, text: string): unknown {
  try {
    return decodeValue(codec, text);
  } catch (error) {
    throw new StickyError(
      'STICKY_CACHE_INVALID',
      "The `codec` can't read what it wrote itself. Nothing was kept; let `decode` take every text that `encode` gives.",
      { cause: error },
    );
  }
}

function frozen(value: unknown): unknown {
  if (!isPlain(value)) return value;
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    Object.freeze(next);
    for (const part of Array.isArray(next) ? (next as unknown[]) : Object.values(next)) {
      if (typeof part === 'object' && isPlain(part) && !Object.isFrozen(part)) open.push(part);
    }
  }
  return value;
}

/**
 * What a codec made of a class is its own business: some can't be frozen (a Uint8Array), in others it would
 * mean nothing (a Map).
 */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
