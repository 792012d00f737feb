/**
 * Text or bytes as a byte string: a JavaScript string in which every character stands for one byte. The head
 * of a request arrives in this form, so a key found there and the same key given to the library hash alike.
 */
export function toByteString(value: string | Uint8Array): string {
  if (typeof value !== 'string')
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 127) return Buffer.from(value, 'utf8').toString('latin1');
  }
  return value;
}

/**
 * Joins parts into one key that can't be read two ways: each part is preceded by its length, so `("ab", "c")`
 * and `("a", "bc")` differ (plain concatenation would make them one).
 */
export function framedKey(...parts: string[]): string {
  let key = '';
  for (const part of parts) key += `${part.length}:${part}`;
  return key;
}
