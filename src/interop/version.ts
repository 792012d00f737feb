/** A version of another program, `[1, 29, 6]`. What is not written counts as 0. */
export type Version = readonly number[];

/** `1.29.6` or `v2.8` → its numbers; undefined for anything else. */
export function parseVersion(text: string): Version | undefined {
  return /^v?\d{1,4}(?:\.\d{1,6}){0,3}$/.test(text)
    ? text.replace(/^v/, '').split('.').map(Number)
    : undefined;
}

export function isAtLeast(version: Version, wanted: Version): boolean {
  for (let at = 0; at < wanted.length; at++) {
    const difference = (version[at] ?? 0) - wanted[at]!;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
