/** `name { … }`, its lines indented. */
export function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => (line === '' ? '' : `    ${line}`)), '}'];
}

/**
 * A parameter as nginx reads it: in quotes where it has to be. A `$` stays what it is; nginx knows no way to
 * quote one.
 */
export function word(text: string): string {
  return /^[^\s;{}"'\\#]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** Text for the inside of a regular expression. */
export function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/**
 * nginx counts in milliseconds here, and writes them as we do but for a bare `m` and `d`, which mean the
 * same.
 */
export function time(ms: number): string {
  if (ms % 1000 !== 0) return `${ms}ms`;
  return ms % 60_000 === 0 && ms > 0 ? `${ms / 60_000}m` : `${ms / 1000}s`;
}
