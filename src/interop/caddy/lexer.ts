import { failed } from '../source-files.js';

export interface CaddyToken {
  readonly text: string;
  readonly line: number;
  /** The line that it belongs to: a backslash at the end joins two into one. */
  readonly row: number;
  readonly isQuoted: boolean;
}

/** Texts in quotes may be whole pages; a name or an address has less. */
const WORD_CHARS_MAX = 16_384;
const TOKENS_MAX = 200_000;

/**
 * Caddy's own reading (caddyconfig/caddyfile/lexer.go): blanks part tokens, `"` and backticks hold them, `#`
 * begins a comment where a token could begin.
 */
export function caddyTokens(text: string, file: string): CaddyToken[] {
  const found: CaddyToken[] = [];
  let line = 1;
  let joined = 0;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (char === '\n') {
      line++;
      at++;
    } else if (/\s|\ufeff/.test(char)) at++;
    else if (char === '#') {
      while (at < text.length && text[at] !== '\n') at++;
    } else if (char === '\\' && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at = text.indexOf('\n', at) + 1;
      line++;
      joined++;
    } else if (char === '"' || char === '`') {
      const start = line;
      let value = '';
      for (at++; text[at] !== char; at++) {
        if (at >= text.length) throw failed(`${file}:${start}: a quote is opened here and not closed.`);
        if (char === '"' && text[at] === '\\' && text[at + 1] === '"') at++;
        if (text[at] === '\n') line++;
        value += text[at]!;
      }
      at++;
      found.push({ text: value, line: start, row: start - joined, isQuoted: true });
    } else {
      let end = at;
      while (end < text.length && !/\s/.test(text[end]!))
        end += text[end] === '\\' && text[end + 1] !== '\n' ? 2 : 1;
      if (end - at > WORD_CHARS_MAX)
        throw failed(`${file}:${line}: a word has more than ${WORD_CHARS_MAX} characters. Put it in quotes.`);
      const word = text.slice(at, end);
      const marker = /^<<([\w-]+)$/.exec(word)?.[1];
      if (marker !== undefined) {
        const last = heredocEnd(text, end, marker);
        if (last === undefined)
          throw failed(`${file}:${line}: the heredoc ${word.slice(0, 20)} is opened here and not closed.`);
        const held = text.slice(end, last - marker.length);
        found.push({ text: held.trim(), line, row: line - joined, isQuoted: true });
        // What stands behind its end belongs to the line on which it began.
        const lines = held.split('\n').length - 1;
        line += lines;
        joined += lines;
        at = last;
        continue;
      }
      found.push({ text: word.replace(/\\([\s"`#])/g, '$1'), line, row: line - joined, isQuoted: false });
      at = end;
    }
    if (found.length > TOKENS_MAX) throw failed(`${file}: more than ${TOKENS_MAX} words.`);
  }
  return found;
}

/** Behind the first line that begins with the marker and goes no further, or with a blank. */
function heredocEnd(text: string, start: number, marker: string): number | undefined {
  for (let at = text.indexOf('\n', start); at !== -1; at = text.indexOf('\n', at)) {
    for (at++; text[at] === ' ' || text[at] === '\t'; at++);
    const end = at + marker.length;
    if (text.startsWith(marker, at) && (end === text.length || /\s/.test(text[end]!))) return end;
  }
  return undefined;
}
