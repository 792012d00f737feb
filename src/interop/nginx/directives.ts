import type { Report } from '../report.js';
import { failed, INCLUDE_DEPTH_MAX, type SourceFile, type SourceFiles } from '../source-files.js';
import { tokens, type Token } from './lexer.js';

/** One directive of a configuration, includes resolved. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** Undefined: it ends with a semicolon. */
  readonly block: readonly Directive[] | undefined;
  /** `nginx.conf:12` */
  readonly at: string;
  /** No other one has it, also where a file is one line. */
  readonly id: string;
}

/** Files that come with nginx or certbot and ask nothing of clients. */
const HARMLESS_INCLUDES =
  /(?:mime\.types|(?:fastcgi|uwsgi|scgi|proxy)[\w.-]{0,20}|options-ssl-[\w-]{1,20}\.conf|modules-enabled\/\*\.conf|koi-\w{1,9}|win-utf)$/;

const DEPTH_MAX = 32;
const DIRECTIVES_MAX = 200_000;

/** All directives of a file and of what it includes. Throws where the text is no nginx configuration. */
export function directives(file: SourceFile, files: SourceFiles, report: Report): Directive[] {
  let count = 0;
  return read(file, 0);

  function read(source: SourceFile, depth: number): Directive[] {
    if (depth > INCLUDE_DEPTH_MAX)
      throw failed(`${source.name} is included ${depth} levels deep. Does a file include itself?`);
    const stream = tokens(source.text, source.name);
    const found = block(stream, source, depth, 0, undefined);
    return found;
  }

  function block(
    stream: Generator<Token>,
    source: SourceFile,
    depth: number,
    level: number,
    opened: number | undefined,
  ): Directive[] {
    if (level > DEPTH_MAX) throw failed(`${source.name}: blocks are nested more than ${DEPTH_MAX} deep.`);
    const found: Directive[] = [];
    let words: Token[] = [];
    for (let next = stream.next(); !next.done; next = stream.next()) {
      const token = next.value;
      if (token.kind === 'word') {
        words.push(token);
        continue;
      }
      const [first] = words;
      if (token.kind === 'close') {
        if (first !== undefined)
          throw failed(
            `${source.name}:${first.line}: ${first.text.slice(0, 40)} does not end with a semicolon.`,
          );
        if (opened === undefined) throw failed(`${source.name}:${token.line}: a } closes nothing.`);
        return found;
      }
      if (++count > DIRECTIVES_MAX) throw failed(`${source.name}: more than ${DIRECTIVES_MAX} directives.`);
      if (first === undefined)
        throw failed(`${source.name}:${token.line}: ${token.text} stands where a directive should begin.`);
      const args = words.slice(1).map(({ text }) => text);
      words = [];
      const at = `${source.name}:${first.line}`;
      if (token.kind === 'open') {
        const id = `${at} ${count}`;
        found.push({
          name: nameOf(first.text),
          args,
          block: block(stream, source, depth, level + 1, token.line),
          at,
          id,
        });
      } else if (first.text === 'include' && args.length === 1)
        for (const line of included(args[0]!, at, depth)) found.push(line);
      else found.push({ name: nameOf(first.text), args, block: undefined, at, id: `${at} ${count}` });
    }
    if (words.length > 0)
      throw failed(
        `${source.name}:${words[0]!.line}: ${words[0]!.text.slice(0, 40)} does not end with a semicolon.`,
      );
    if (opened !== undefined) throw failed(`${source.name}:${opened}: a { is opened here and not closed.`);
    return found;
  }

  function included(pattern: string, at: string, depth: number): Directive[] {
    // It holds nothing but MIME types, and is often not copied along.
    if (/(?:^|\/)mime\.types$/.test(pattern)) return [];
    return files.matching(pattern).flatMap((name) => {
      try {
        return read(files.read(name, at), depth + 1);
      } catch (error) {
        if (!/: can't read /.test((error as Error).message)) throw error;
        report.say(
          at,
          `include ${pattern} is not carried over: ${name === pattern ? 'it' : name} can't be read here.`,
        );
        // What it holds may keep somebody out; the reader sees that it is missing.
        return HARMLESS_INCLUDES.test(pattern)
          ? []
          : [{ name: 'include', args: [pattern], block: undefined, at, id: `${at} ${count}` }];
      }
    });
  }
}

/** What `grpc_…` sets for upstreams of HTTP/2 is what `proxy_…` sets for others. */
function nameOf(text: string): string {
  return text.startsWith('grpc_') && text !== 'grpc_pass' ? `proxy_${text.slice(5)}` : text;
}
