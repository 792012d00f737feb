import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const NOT_OURS = new Set(['node_modules', 'dist', '.git', 'coverage']);

export interface Source {
  /** From the top of the checkout, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out, lines and columns kept. */
  readonly code: string;
  /** The code with the contents of strings blanked out too. */
  readonly bare: string;
  /** What it imports, as written. */
  readonly imports: readonly string[];
}

/** Every file of ours under a folder, sorted, whose path matches. */
export function filesUnder(folder: string, matching = /./): string[] {
  const found: string[] = [];
  const walk = (at: string): void => {
    for (const entry of readdirSync(join(ROOT, at), { withFileTypes: true })) {
      if (NOT_OURS.has(entry.name)) continue;
      const path = posix.join(at, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (matching.test(path)) found.push(path);
    }
  };
  walk(folder);
  return found.sort();
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The program files under a folder; without the tests beside them unless asked. */
export function sourcesUnder(folder: string, options: { readonly tests?: boolean } = {}): Source[] {
  return filesUnder(folder, /\.(tsx?|mjs|js)$/)
    .filter((path) => options.tests === true || !path.endsWith('.test.ts'))
    .map((path) => source(path, readText(path)));
}

export function source(path: string, text: string): Source {
  const code = blank(text, false);
  // Imports are looked for where no string hides one: the word in `bare`, the name in `code` at the same
  // place.
  const bare = blank(text, true);
  const imports: string[] = [];
  for (const match of bare.matchAll(/(?<![.\w])(?:from\s*|import\s*\(?\s*)(['"])/g)) {
    const start = match.index + match[0].length;
    imports.push(code.slice(start, code.indexOf(match[1]!, start)));
  }
  return { path, text, code, bare, imports };
}

/** Where a relative import leads, as a path of ours; undefined for a package. */
export function importedPath(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = posix.normalize(posix.join(dirname(from), specifier)).replace(/\.js$/, '.ts');
  return existsSync(join(ROOT, `${path}x`)) ? `${path}x` : path;
}

/** `path:line` of every match in a text. */
export function places(path: string, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(
    (match) => `${path}:${text.slice(0, match.index).split('\n').length}  ${match[0].trim()}`,
  );
}

/**
 * Blanks comments, and on request what strings hold; `${…}` in a template stays code. Regular expressions are
 * recognised.
 */
function blank(text: string, strings: boolean): string {
  let out = '';
  let at = 0;
  const braces: number[] = []; // the depth of `{` in each open `${`
  const hide = (part: string): string => part.replace(/[^\n]/g, ' ');
  const template = (): void => {
    // From after the opening ` or the closing } of a `${…}` to the next of either.
    const start = at;
    while (at < text.length && text[at] !== '`' && !(text[at] === '$' && text[at + 1] === '{'))
      at += text[at] === '\\' ? 2 : 1;
    const part = text.slice(start, at);
    out += strings ? hide(part) : part;
    if (text[at] === '$') {
      out += '${';
      at += 2;
      braces.push(0);
    } else {
      out += '`';
      at++;
    }
  };
  while (at < text.length) {
    const char = text[at]!;
    const two = text.slice(at, at + 2);
    if (two === '//' || two === '/*') {
      const end = two === '//' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
      const part = text.slice(at, end <= 1 ? undefined : end);
      out += hide(part);
      at += part.length;
    } else if (char === "'" || char === '"' || (char === '/' && startsRegExp(out))) {
      const literal =
        char === '/'
          ? /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//y
          : char === "'"
            ? /'(?:\\[^]|[^'\\\n])*'/y
            : /"(?:\\[^]|[^"\\\n])*"/y;
      literal.lastIndex = at;
      const part = literal.exec(text)?.[0] ?? char;
      out += strings && part.length > 1 ? char + hide(part.slice(1, -1)) + char : part;
      at += part.length;
    } else if (char === '`') {
      out += '`';
      at++;
      template();
    } else if (char === '}' && braces.at(-1) === 0) {
      braces.pop();
      out += '}';
      at++;
      template();
    } else {
      if (braces.length > 0 && char === '{') braces[braces.length - 1]!++;
      if (braces.length > 0 && char === '}') braces[braces.length - 1]!--;
      out += char;
      at++;
    }
  }
  return out;
}

/** After a value a slash divides; anywhere else it opens a regular expression. */
function startsRegExp(before: string): boolean {
  const end = before.trimEnd();
  return !/[\w$)\]}'"`]$/.test(end) || /\b(return|typeof|case|in|of|await|void)$/.test(end);
}
