import type { Report } from '../report.js';
import { failed, INCLUDE_DEPTH_MAX, type SourceFile, type SourceFiles } from '../source-files.js';
import { caddyTokens, type CaddyToken } from './lexer.js';

/** A line of a Caddyfile and the block behind it: `name args { … }`, imports resolved. */
export interface Segment {
  readonly name: string;
  readonly args: readonly string[];
  /** Undefined: it has none. */
  readonly block: readonly Segment[] | undefined;
  /** `Caddyfile:12` */
  readonly at: string;
}

const DEPTH_MAX = 32;
const SEGMENTS_MAX = 100_000;
const CHARACTERS_MAX = 16 * 1024 * 1024;

/** The top of a Caddyfile: global options, snippets and sites. */
export function segments(file: SourceFile, files: SourceFiles, report: Report): Segment[] {
  const snippets = new Map<string, readonly Segment[]>();
  let count = 0;
  let characters = 0;
  const charge =
    (at: string) =>
    (more: number): void => {
      characters += more;
      if (characters > CHARACTERS_MAX)
        throw failed(`${at}: snippets and their arguments come to more than ${CHARACTERS_MAX} characters.`);
    };
  return top(file, 0);

  function top(source: SourceFile, depth: number): Segment[] {
    if (depth > INCLUDE_DEPTH_MAX)
      throw failed(`${source.name} is imported ${depth} levels deep. Does a file import itself?`);
    const found = read(caddyTokens(source.text, source.name), source.name);
    const rest: Segment[] = [];
    for (const segment of found) {
      const snippet = /^\((.+)\)$/.exec(segment.name)?.[1];
      if (snippet !== undefined && segment.block !== undefined) snippets.set(snippet, segment.block);
      else rest.push(segment);
    }
    return rest.flatMap((segment) => resolved(segment, depth, true));
  }

  function resolved(segment: Segment, depth: number, isTop = false): Segment[] {
    if (depth > INCLUDE_DEPTH_MAX)
      throw failed(`${segment.at}: imports have no end. Does a snippet import itself?`);
    if (++count > SEGMENTS_MAX) throw failed(`${segment.at}: more than ${SEGMENTS_MAX} lines.`);
    if (segment.name !== 'import')
      return [{ ...segment, block: segment.block?.flatMap((inner) => resolved(inner, depth)) }];
    const [what = '', ...values] = segment.args;
    const snippet = snippets.get(what);
    if (snippet !== undefined)
      return snippet.flatMap((inner) => resolved(filled(inner, values, charge(segment.at)), depth + 1));
    return files.matching(what).flatMap((name) => {
      try {
        return top(files.read(name, segment.at), depth + 1);
      } catch (error) {
        if (!/: can't read /.test((error as Error).message)) throw error;
        report.say(
          segment.at,
          `import ${what} is not carried over: it is no snippet of this file, and no file that can be read here.`,
        );
        // What it holds may keep somebody out; the reader sees that it is missing.
        return isTop ? [] : [segment];
      }
    });
  }
}

/**
 * `{args[0]}` and `{args.0}` in a snippet. `charge` is told of every character before it is written:
 * arguments that stand twice in a snippet that is imported by a snippet double with each of them.
 */
function filled(segment: Segment, values: readonly string[], charge: (characters: number) => void): Segment {
  const fill = (text: string): string => {
    charge(text.length + 1);
    return text.replace(/\{args(?:\[(\d{1,4})\]|\.(\d{1,4}))\}/g, (whole, a?: string, b?: string) => {
      const value = values[Number(a ?? b)] ?? whole;
      charge(value.length);
      return value;
    });
  };
  return {
    ...segment,
    name: fill(segment.name),
    args: segment.args.map(fill),
    block: segment.block?.map((inner) => filled(inner, values, charge)),
  };
}

function read(tokens: readonly CaddyToken[], file: string): Segment[] {
  let at = 0;
  return block(0, undefined);

  function block(level: number, opened: number | undefined): Segment[] {
    if (level > DEPTH_MAX) throw failed(`${file}: blocks are nested more than ${DEPTH_MAX} deep.`);
    const found: Segment[] = [];
    while (at < tokens.length) {
      const first = tokens[at]!;
      if (first.text === '}' && !first.isQuoted) {
        if (opened === undefined) throw failed(`${file}:${first.line}: a } closes nothing.`);
        at++;
        return found;
      }
      const isGlobal = first.text === '{' && !first.isQuoted;
      const words: string[] = [];
      // At the top addresses go on behind a comma, also on the next line.
      while (
        at < tokens.length &&
        !isOpen(at) &&
        (tokens[at]!.row === first.row || (level === 0 && words.at(-1)?.endsWith(',') === true)) &&
        !(tokens[at]!.text === '}' && !tokens[at]!.isQuoted)
      )
        words.push(tokens[at++]!.text);
      let inner: Segment[] | undefined;
      if (at < tokens.length && isOpen(at) && (isGlobal || tokens[at]!.row === tokens[at - 1]!.row)) {
        const { line } = tokens[at]!;
        at++;
        inner = block(level + 1, line);
      } else if (at < tokens.length && isOpen(at))
        throw failed(`${file}:${tokens[at]!.line}: a { stands at the beginning of a line.`);
      found.push({ name: words[0] ?? '', args: words.slice(1), block: inner, at: `${file}:${first.line}` });
    }
    if (opened !== undefined) throw failed(`${file}:${opened}: a { is opened here and not closed.`);
    return found;
  }

  function isOpen(index: number): boolean {
    return tokens[index]!.text === '{' && !tokens[index]!.isQuoted;
  }
}
