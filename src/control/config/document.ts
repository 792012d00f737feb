import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLError,
} from 'yaml';
import { pathText, type ConfigProblem } from './problem.js';

/** A configuration's text, parsed: its plain value, and where each path of it stands. */
export interface ConfigDocument {
  /** Undefined when the text is not YAML; `problems` then says why. */
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  /** The place of a path, or of the nearest thing around it that is there. */
  locate(path: readonly PropertyKey[]): { line: number; column: number } | undefined;
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
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return broken({ path: '', message: TOO_DEEP });
  }
  const doubles = document.errors.filter((error) => error.code === 'DUPLICATE_KEY');
  const others = document.errors.filter((error) => error.code !== 'DUPLICATE_KEY');
  // The first error makes the parser lose its place, so what follows it would mislead.
  if (others[0] !== undefined)
    return broken({ path: '', message: syntaxMessage(others[0]), ...at(others[0].pos[0]) });
  const problems: ConfigProblem[] = [
    ...doubles.map((error) => ({ ...doubleKey(document, error), ...at(error.pos[0]) })),
    ...document.warnings.map((warning) => ({
      path: '',
      message: syntaxMessage(warning),
      ...at(warning.pos[0]),
    })),
  ];
  const alias = brokenAlias(document);
  if (alias !== undefined) return broken({ path: '', message: alias.message, ...at(alias.offset) });
  try {
    // Refuses aliases that grow more than a hundredfold, as "billion laughs" files do.
    const value: unknown = document.toJS();
    return { value, problems, locate: (path) => locate(document, path, at) };
  } catch (error) {
    if (error instanceof RangeError) return broken({ path: '', message: TOO_DEEP });
    if (!(error instanceof ReferenceError)) throw error;
    return broken({
      path: '',
      message:
        'uses aliases (*name) to grow more than a hundredfold, as an attack would. Write the values out.',
    });
  }
}

const TOO_DEEP = 'is nested too deeply to be read. A configuration needs no more than six levels.';

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

/** An alias of nothing, or of what it stands in: the parser would stumble over both, and not say where. */
function brokenAlias(
  document: Document.Parsed,
): { readonly message: string; readonly offset: number } | undefined {
  let found: { message: string; offset: number } | undefined;
  visit(document, {
    Alias: (_, alias) => {
      const offset = alias.range?.[0] ?? 0;
      const range = alias.resolve(document)?.range;
      if (!range)
        found = {
          message:
            'uses an alias (*name) before its anchor (&name), or without one. Put the anchor first, or quote a text that begins with *.',
          offset,
        };
      else if (range[0] <= offset && offset < range[2])
        found = {
          message: 'uses an alias (*name) inside of what it stands for. Write the value out.',
          offset,
        };
      return found === undefined ? undefined : visit.BREAK;
    },
  });
  return found;
}

function doubleKey(document: Document.Parsed, error: YAMLError): { path: string; message: string } {
  let path: PropertyKey[] = [];
  visit(document, {
    Pair: (_, pair, ancestors) => {
      if (!isScalar(pair.key) || pair.key.range?.[0] !== error.pos[0]) return undefined;
      path = [...pathOf(ancestors as readonly Node[]), String(pair.key.value)];
      return visit.BREAK;
    },
  });
  const name = path.at(-1);
  return {
    path: pathText(path),
    message: `${name === undefined ? 'the key' : String(name)} is written twice. Keep one of the two, or give one another name.`,
  };
}

/** The path of a pair's map, from the nodes around it. */
function pathOf(ancestors: readonly unknown[]): PropertyKey[] {
  const path: PropertyKey[] = [];
  ancestors.forEach((around, depth) => {
    const child = ancestors[depth + 1];
    if (isSeq(around) && child !== undefined) path.push(around.items.indexOf(child));
    if (isMap(around) && child !== undefined)
      path.push(String((child as { key: { value: unknown } }).key.value));
  });
  return path;
}

function locate(
  document: Document.Parsed,
  path: readonly PropertyKey[],
  at: (offset: number) => { line: number; column: number },
): { line: number; column: number } | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node)) {
      node = node.items[Number(part)];
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) break;
      offset = (pair.key as { range?: [number, number, number] }).range?.[0] ?? offset;
      node = pair.value;
      continue;
    } else break;
    offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset;
  }
  return offset === undefined ? undefined : at(offset);
}
