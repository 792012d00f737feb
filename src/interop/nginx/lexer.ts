import { failed } from '../source-files.js';

export interface Token {
  readonly kind: 'word' | 'open' | 'close' | 'end';
  readonly text: string;
  readonly line: number;
}

/**
 * nginx's own reading of words (src/core/ngx_conf_file.c, ngx_conf_read_token): a word ends at a blank, `;`
 * or `{`; quotes hold all of these; a backslash takes the next character along; `${` belongs to the word. `#`
 * begins a comment only where a word could begin.
 */
export function* tokens(text: string, file: string): Generator<Token> {
  let line = 1;
  let at = 0;
  // The first word since the last `;`, `{` or `}`.
  let directive = '';
  while (at < text.length) {
    const char = text[at]!;
    if (char === '\n') line++;
    if (/\s/.test(char) || char === '\ufeff') at++;
    else if (char === '#') {
      while (at < text.length && text[at] !== '\n') at++;
    } else if (char === ';' || char === '{' || char === '}') {
      yield { kind: char === ';' ? 'end' : char === '{' ? 'open' : 'close', text: char, line };
      at++;
      if (char === '{' && directive.endsWith('_by_lua_block')) {
        const end = luaEnd(text, at);
        line += text.slice(at, end).split('\n').length - 1;
        at = end;
      }
      directive = '';
    } else {
      const start = line;
      const end =
        char === '"' || char === "'" ? quotedEnd(text, at, char, `${file}:${line}`) : wordEnd(text, at);
      if (end - at > WORD_CHARS_MAX)
        throw failed(
          `${file}:${line}: a word has more than ${WORD_CHARS_MAX} characters; nginx reads none so long.`,
        );
      const raw = char === '"' || char === "'" ? text.slice(at + 1, end - 1) : text.slice(at, end);
      line += raw.split('\n').length - 1;
      directive ||= raw;
      yield {
        kind: 'word',
        text: raw.replace(/\\(["'\\ntr])/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped),
        line: start,
      };
      at = end;
    }
  }
}

/** nginx's own limit (NGX_CONF_BUFFER: "too long parameter"). */
const WORD_CHARS_MAX = 4096;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const char = text[at]!;
    if (char === '\\') at += 2;
    else if (char === '$' && text[at + 1] === '{') at += 2;
    else if (/\s/.test(char) || char === ';' || char === '{') break;
    else at++;
  }
  return Math.min(at, text.length);
}

function quotedEnd(text: string, start: number, quote: string, place: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote) return at + 1;
  }
  throw failed(`${place}: a quote is opened here and not closed.`);
}

/** Long brackets of a higher level are taken as plain text: nobody writes them. */
const LUA_LEVEL_MAX = 16;

/**
 * The place of the brace that ends a block of Lua, or the end of the text. Comments, texts in quotes and
 * texts in long brackets may hold braces that are none. One pass: where something is opened and never
 * closed, no place is looked at twice.
 */
function luaEnd(text: string, start: number): number {
  const unclosed = new Set<number>();
  let depth = 1;
  let at = start;
  while (at < text.length) {
    const char = text[at]!;
    if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return at;
    if (char === '"' || char === "'") at = luaQuoteEnd(text, at);
    else if (char === '-' && text[at + 1] === '-')
      at = longBracketEnd(text, at + 2, unclosed) ?? lineEnd(text, at);
    else if (char === '[') at = longBracketEnd(text, at, unclosed) ?? at + 1;
    else at++;
  }
  return text.length;
}

/** Behind the closing quote; behind the line where there is none. */
function luaQuoteEnd(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[start]) return at + 1;
  }
  return at;
}

function lineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end === -1 ? text.length : end;
}

/** Behind `]==]` where `[==[` stands at `start`; undefined where none stands there, or it is not closed. */
function longBracketEnd(text: string, start: number, unclosed: Set<number>): number | undefined {
  if (text[start] !== '[') return undefined;
  let level = 0;
  while (level <= LUA_LEVEL_MAX && text[start + 1 + level] === '=') level++;
  if (text[start + 1 + level] !== '[' || level > LUA_LEVEL_MAX || unclosed.has(level)) return undefined;
  const end = text.indexOf(`]${'='.repeat(level)}]`, start + 2 + level);
  if (end !== -1) return end + 2 + level;
  unclosed.add(level);
  return undefined;
}
