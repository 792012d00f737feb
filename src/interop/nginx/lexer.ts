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

/**
 * What may hold a brace in a program of Lua and is none: comments, texts in quotes, texts in long brackets.
 */
const LUA_PASSED_OVER =
  /--\[(=*)\[[^]*?\]\1\]|--[^\n]*|\[(=*)\[[^]*?\]\2\]|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/y;

/** The place of the brace that ends a block of Lua, or the end of the text. */
function luaEnd(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    LUA_PASSED_OVER.lastIndex = at;
    const passedOver = /[-["']/.test(text[at]!) ? LUA_PASSED_OVER.exec(text) : null;
    if (passedOver !== null) at += passedOver[0].length - 1;
    else if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at;
  }
  return text.length;
}
