import { failed, type SourceFile } from '../source-files.js';

/** One line of a haproxy.cfg, in words. */
export interface Line {
  readonly words: readonly string[];
  /** `haproxy.cfg:12` */
  readonly at: string;
}

export interface Section {
  /** `backend`, `frontend`, `listen`, `defaults`, `global` … */
  readonly kind: string;
  readonly name: string;
  readonly lines: readonly Line[];
  /** For `defaults`: those whose settings it begins with; for others the `defaults` in force. */
  readonly at: string;
  readonly from: string | undefined;
}

const KINDS = new Set([
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'peers',
  'resolvers',
  'userlist',
  'mailers',
  'cache',
  'program',
  'http-errors',
  'ring',
  'log-forward',
  'fcgi-app',
  'crt-store',
  'traces',
  'log-profile',
  'acme',
]);
const LINES_MAX = 100_000;
/** HAProxy's own lines have 2048 characters at first, and grow. */
const LINE_CHARS_MAX = 65_536;

/**
 * The sections of a file. Throws where a quote is not closed, or where something stands in front of the first
 * section.
 */
export function sections(file: SourceFile): Section[] {
  const found: (Section & { readonly lines: Line[] })[] = [];
  const lines = file.text.split('\n');
  if (lines.length > LINES_MAX)
    throw failed(`${file.name} has more than ${LINES_MAX} lines. Import a part of it.`);
  lines.forEach((text, index) => {
    const at = `${file.name}:${index + 1}`;
    if (text.length > LINE_CHARS_MAX)
      throw failed(`${at}: the line has more than ${LINE_CHARS_MAX} characters.`);
    const words = wordsOf(text.replace(/\r$/, ''), at);
    const [first] = words;
    if (first === undefined) return;
    if (KINDS.has(first)) {
      const from = words.indexOf('from');
      // Until 1.8 an address could stand behind the name.
      const bound =
        (first === 'frontend' || first === 'listen') && words[2] !== undefined && from !== 2
          ? [{ words: ['bind', words[2]], at }]
          : [];
      found.push({
        kind: first,
        name: from === 1 ? '' : (words[1] ?? ''),
        lines: bound,
        at,
        from: from === -1 ? undefined : words[from + 1],
      });
    } else if (found.length === 0) {
      // What the preprocessor says (.if, .notice) begins with a dot.
      if (!first.startsWith('.'))
        throw failed(`${at}: ${first.slice(0, 40)} stands before the first section.`);
    } else found.at(-1)!.lines.push({ words, at });
  });
  return found;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * src/tools.c, parse_line: blanks part words, `#` begins a comment, quotes hold both, a backslash takes the
 * next character along.
 */
export function wordsOf(text: string, at: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let index = 0; index < text.length; index++) {
    const char = text[index]!;
    if (char === '#') break;
    if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '\\') {
      const escaped = text[++index] ?? '';
      word = (word ?? '') + (ESCAPES[escaped] ?? escaped);
    } else if (char === "'") {
      const end = text.indexOf("'", index + 1);
      if (end === -1) throw failed(`${at}: a quote is opened here and not closed.`);
      word = (word ?? '') + text.slice(index + 1, end);
      index = end;
    } else if (char === '"') {
      word ??= '';
      for (index++; text[index] !== '"'; index++) {
        if (index >= text.length) throw failed(`${at}: a quote is opened here and not closed.`);
        if (text[index] === '\\' && /["\\$]/.test(text[index + 1] ?? '')) index++;
        word += text[index]!;
      }
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}
