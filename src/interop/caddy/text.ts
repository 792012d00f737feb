/** `head { … }`, its lines indented as `caddy fmt` does. */
export function block(head: string, lines: readonly string[]): string[] {
  return [head === '' ? '{' : `${head} {`, ...lines.map((line) => (line === '' ? '' : `\t${line}`)), '}'];
}

/** A token as Caddy reads it. In backticks nothing has a meaning of its own, but braces stay placeholders. */
export function word(text: string): string {
  if (/^[^\s"`{}#\\]+$/.test(text)) return text;
  return text.includes('`') ? `"${text.replaceAll('"', '\\"')}"` : `\`${text}\``;
}

export function time(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
