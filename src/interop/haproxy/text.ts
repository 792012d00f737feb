/** A section and its lines, indented. */
export function section(head: string, lines: readonly string[]): string[] {
  return [head, ...lines.map((line) => (line === '' ? '' : `    ${line}`)), ''];
}

/** An argument as HAProxy reads it. In single quotes nothing has a meaning of its own. */
export function word(text: string): string {
  return /^[\w.:/*@%+,()[\]=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** HAProxy knows no limit longer than 24 days, and no fractions. */
const TIME_MS_MAX = 2 ** 31 - 1;

export function time(ms: number): string {
  const bounded = Math.min(ms, TIME_MS_MAX);
  return bounded % 1000 === 0 ? `${bounded / 1000}s` : `${bounded}ms`;
}
