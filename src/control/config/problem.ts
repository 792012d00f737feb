import { StickyError } from '../../base/errors.js';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /**
   * Where, in the words of the file: `upstreams.api-2.weight`, `routes[0].match`. Empty: the file as a whole.
   */
  readonly path: string;
  /** What is wrong, and what to write instead. Never holds a secret. */
  readonly message: string;
  /** From 1; known where the configuration came as text. */
  readonly line?: number;
  readonly column?: number;
  /** The included file that it stands in; absent: the configuration's own. */
  readonly file?: string;
}

/** A problem before it is known where in a text its path stands. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** More would not be read. What follows is counted. */
export const PROBLEMS_MAX = 100;
const PATH_CHARS_MAX = 300;
const MESSAGE_CHARS_MAX = 2000;

/** A configuration that can't be used, with everything that is wrong with it. */
export class ConfigError extends StickyError {
  readonly problems: readonly ConfigProblem[];
  /** The file, as its name was given; undefined for an object. */
  readonly source: string | undefined;

  /** How many problems more there are than `problems` tells. */
  readonly untold: number;

  constructor(problems: readonly ConfigProblem[], source?: string, untold = 0) {
    super(
      'STICKY_CONFIG_INVALID',
      [
        ...problems.map((problem) => problemLine(problem, source)),
        ...(untold === 0 ? [] : [`and ${untold} more problems`]),
      ].join('\n'),
    );
    this.name = 'ConfigError';
    this.problems = problems;
    this.source = source;
    this.untold = untold;
  }
}

/** `stickyroute.yaml:12:5 upstreams.api-2.weight: must be above 0, not 0.` */
export function problemLine(problem: ConfigProblem, source?: string): string {
  const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const file = problem.file ?? source;
  const where = [file === undefined ? '' : file + place, cut(problem.path, PATH_CHARS_MAX)]
    .filter((part) => part !== '')
    .join(' ');
  const message = cut(problem.message, MESSAGE_CHARS_MAX);
  return where === '' ? message : `${where}: ${message}`;
}

/** A key of a megabyte would drown what is wrong with it. */
function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)} …`;
}

/** `['routes', 0, 'match']` → `routes[0].match`. Names that a dot would blur are quoted. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text;
}
