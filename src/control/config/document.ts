import { LineCounter, parseDocument, type Document, type YAMLError } from 'yaml';
import { pathText, type ConfigProblem } from './problem.js';
import { NoValue, TOO_DEEP, YamlValue } from './yaml-value.js';

/** A configuration's text, parsed: its plain value, and where each path of it stands. */
export interface ConfigDocument {
  /** Undefined when the text is not YAML; `problems` then says why. */
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  /** The place of a path, or of the nearest thing around it that is there. */
  locate(path: readonly PropertyKey[]): TextPlace | undefined;
}

/** From 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
  /** As in ConfigProblem. */
  readonly file?: string;
}

/** Reads YAML, and so JSON, which is a part of it. */
export function parseText(text: string): ConfigDocument {
  const lines = new LineCounter();
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      merge: true,
      // Its check looks through all keys of a map for each of them; YamlValue has its own.
      uniqueKeys: false,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return broken({ path: '', message: TOO_DEEP });
  }
  // The first error makes the parser lose its place, so what follows it would mislead.
  const [first] = document.errors;
  if (first !== undefined) return broken({ path: '', message: syntaxMessage(first), ...at(first.pos[0]) });
  try {
    const read = new YamlValue(document);
    const problems: ConfigProblem[] = [
      ...read.doubleKeys.map(({ path, offset }) => ({
        path: pathText(path),
        message: `${String(path.at(-1))} is written twice. Keep one of the two, or give one another name.`,
        ...at(offset),
      })),
      ...document.warnings.map((warning) => ({
        path: '',
        message: syntaxMessage(warning),
        ...at(warning.pos[0]),
      })),
    ];
    const locate = (path: readonly PropertyKey[]): { line: number; column: number } | undefined => {
      const offset = read.offsetOf(path);
      return offset === undefined ? undefined : at(offset);
    };
    return { value: read.value, problems, locate };
  } catch (error) {
    if (!(error instanceof NoValue)) throw error;
    return broken({
      path: '',
      message: error.message,
      ...(error.offset !== undefined && at(error.offset)),
    });
  }
}

function broken(problem: ConfigProblem): ConfigDocument {
  return { value: undefined, problems: [problem], locate: () => undefined };
}

/** The parser's own messages quote the text, which may hold a secret; so they are told again or cut. */
function syntaxMessage(error: YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'is not YAML here: a tab is used as indentation. Use spaces.';
    case 'MISSING_CHAR':
      if (!error.message.includes('quote')) break;
      return 'is not YAML: a quote is opened and not closed. Close it.';
    case 'BAD_INDENT':
      if (error.message.startsWith('Flow'))
        return 'is not YAML here: a [ or { above is not closed, or what stands in it is not indented. Close it.';
      return 'is not YAML here: the indentation does not fit what stands above. Align it with its neighbours.';
    case 'MULTIPLE_DOCS':
      return 'holds a second document (---). Write one document a file.';
    case 'RESOURCE_EXHAUSTION':
      return TOO_DEEP;
    case 'TAG_RESOLVE_FAILED':
      return 'has a tag (!name) that means nothing here. Leave it out; the environment is read by ${NAME}.';
    case 'BAD_ALIAS':
      return 'has an alias (*name) without its anchor (&name), or a text that begins with *. Put such a text in quotes.';
    case 'MULTILINE_IMPLICIT_KEY':
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'is not YAML here: a value holds a colon or the line above does not end. Check the indentation, and quote text that holds ": ".';
  }
  return `is not YAML here: ${error.message.split(/[:"'`]/, 1)[0]!.trim()}. Check the line, and quote text with special characters.`;
}
