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
}

/** A problem before it is known where in a text its path stands. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A configuration that can't be used, with everything that is wrong with it. */
export class ConfigError extends StickyError {
  readonly problems: readonly ConfigProblem[];
  /** The file, as its name was given; undefined for an object. */
  readonly source: string | undefined;

  constructor(problems: readonly ConfigProblem[], source?: string) {
    super('STICKY_CONFIG_INVALID', problems.map((problem) => problemLine(problem, source)).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
    this.source = source;
  }
}

/** `stickyroute.yaml:12:5 upstreams.api-2.weight: must be above 0, not 0.` */
export function problemLine(problem: ConfigProblem, source?: string): string {
  const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const where = [source === undefined ? '' : source + place, problem.path]
    .filter((part) => part !== '')
    .join(' ');
  return where === '' ? problem.message : `${where}: ${problem.message}`;
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
