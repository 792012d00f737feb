/**
 * The part of a byte string from `start` to `end` without the spaces and tabs around it. `String.trim` would
 * not do: it also takes 0xA0, which is the last byte of `à` in UTF-8.
 */
export function trimBlank(text: string, start = 0, end = text.length): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

export function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
