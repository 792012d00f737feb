/** What a byte may be, as bits: the three alphabets that RFC 9110 §5 and RFC 9112 §3 are strict about. */
export const TOKEN = 1;
/** Field values: visible characters, space, tab and obs-text. Never CR, LF, NUL, DEL or another control. */
export const VALUE = 2;
/** Request targets: visible ASCII but for `#`, which no client sends and hops disagree about. */
export const TARGET = 4;

export const CHARS = new Uint8Array(256);

for (let byte = 0x21; byte < 0x7f; byte++) CHARS[byte] = VALUE | TARGET;
CHARS[0x23] = VALUE;
CHARS[0x20] = VALUE;
CHARS[0x09] = VALUE;
for (let byte = 0x80; byte < 0x100; byte++) CHARS[byte] = VALUE;
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  CHARS[char.charCodeAt(0)]! |= TOKEN;
}

export const CR = 13;
export const LF = 10;
export const SPACE = 32;
export const TAB = 9;
export const SLASH = 47;
export const COLON = 58;
export const DEL = 127;

/** A decimal length: digits only, few enough to be exact. -1 for anything else (`+5`, `0x5`, `5, 5`, ` `). */
export function parseLength(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
