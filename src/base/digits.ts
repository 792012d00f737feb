/** More than any number that is exact has, in the smallest base. */
const DIGITS_MAX = 18;

/**
 * A whole number of digits alone, in either case, small enough to be exact; NaN for anything else. `parseInt`
 * reads `0x5`, ` 5`, `+5` and `5_0` each by its own rules and stops where it likes, and what others read in
 * the same text is not that.
 */
export function wholeNumber(text: string, base: 8 | 10 | 16 | 36): number {
  if (text.length === 0 || text.length > DIGITS_MAX) return NaN;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const lower = code | 32;
    const digit = code >= 48 && code <= 57 ? code - 48 : lower >= 97 && lower <= 122 ? lower - 87 : base;
    if (digit >= base) return NaN;
    value = value * base + digit;
  }
  return Number.isSafeInteger(value) ? value : NaN;
}
