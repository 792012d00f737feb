import { dirname, resolve } from 'node:path';
import { StickyError } from '../../base/errors.js';
import { readBounded } from './bounded-file.js';
import type { Kinds } from '../../route/kinds.js';
import { filesOf, reason } from './certificates.js';
import { complete } from './completion.js';
import type { Config } from './config.js';
import { parseText } from './document.js';
import { readEnvironment } from './environment.js';
import { withIncluded } from './included.js';
import { ConfigError, pathText, PROBLEMS_MAX, type Issue } from './problem.js';

/** A configuration of 4096 upstreams has a tenth of this. */
const FILE_BYTES_MAX = 1024 * 1024;

/** Shorter values of the environment can't be secrets, and cutting them out would spoil the messages. */
const SECRET_CHARS_MIN = 6;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TextOrigin {
  /** The name that messages show: as it was typed. */
  readonly source: string;
  /** Relative paths in the text start here. */
  readonly folder: string;
  readonly env: Environment;
  readonly kinds?: Kinds | undefined;
}

/**
 * Reads a YAML or JSON file. Throws ConfigError (STICKY_CONFIG_INVALID) with every problem in it, or
 * StickyError (STICKY_CONFIG_UNREADABLE) when there is no text to read.
 */
export function loadConfig(file: string, env: Environment, folder: string, kinds?: Kinds): Config {
  const path = resolve(folder, file);
  return parseConfig(readText(path, file), { source: file, folder: dirname(path), env, kinds });
}

/** A configuration from YAML or JSON text. `${NAME}` reads `env`. */
export function parseConfig(text: string, origin: TextOrigin): Config {
  const document = withIncluded(parseText(text), origin);
  if (document.value === undefined) throw new ConfigError(document.problems, origin.source);
  const taken = { values: new Map<string, string>(), characters: 0 };
  const missing: Issue[] = [];
  const value = readEnvironment(document.value, origin, missing, taken);
  const issues: Issue[] = [];
  const config = complete(value, filesOf(origin.folder), issues, origin.kinds);
  // What a missing variable leaves behind is empty; the schema's complaint about that says nothing new.
  const gone = new Set(missing.map(({ path }) => pathText(path)));
  const news = gone.size === 0 ? issues : issues.filter(({ path }) => !isWithin(path, gone));
  if (document.problems.length === 0 && missing.length === 0 && news.length === 0 && config !== undefined)
    return config;
  const told = [...missing, ...news].map(({ path, message }) => ({
    ...document.locate(path),
    problem: () => ({ path: pathText(path), message: hidden(message, taken.values) }),
  }));
  const doubled = document.problems.map(({ line, column, file, ...problem }) => ({
    line,
    column,
    file,
    problem: () => problem,
  }));
  const all = [...doubled, ...told].sort(
    (a, b) =>
      compareText(a.file ?? '', b.file ?? '') ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
  const shown = all.slice(0, PROBLEMS_MAX).map(({ line, column, file, problem }) => ({
    ...problem(),
    ...(line !== undefined && { line, column: column ?? 1 }),
    ...(file !== undefined && { file }),
  }));
  throw new ConfigError(shown, origin.source, all.length - shown.length);
}

export interface ObjectOrigin {
  /** Relative paths in the object start here. Default: the working folder. */
  readonly folder?: string | undefined;
  /** The name that messages show. */
  readonly source?: string | undefined;
  /** Rules, placements and balances that it can name. Default: `standardKinds`. */
  readonly kinds?: Kinds | undefined;
}

/** A configuration from a plain object, as code writes it. `${NAME}` means nothing here. */
export function readConfig(value: unknown, origin: ObjectOrigin = {}): Config {
  const { folder = process.cwd(), source, kinds } = origin;
  const issues: Issue[] = [];
  const config = complete(value, filesOf(folder), issues, kinds);
  if (config === undefined) {
    const shown = issues.slice(0, PROBLEMS_MAX);
    throw new ConfigError(
      shown.map(({ path, message }) => ({ path: pathText(path), message })),
      source,
      issues.length - shown.length,
    );
  }
  return config;
}

function readText(path: string, shown: string): string {
  try {
    return readBounded(path, FILE_BYTES_MAX, true).toString('utf8');
  } catch (error) {
    throw new StickyError(
      'STICKY_CONFIG_UNREADABLE',
      `Can't use the configuration ${shown}, ${reason(error, 'the working folder')}`,
      { cause: error },
    );
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Is the path, or a part of it from its beginning, one of these? */
function isWithin(path: readonly PropertyKey[], some: ReadonlySet<string>): boolean {
  return some.has('') || path.some((_, at) => some.has(pathText(path.slice(0, at + 1))));
}

/** A secret of the environment must not be shown; its reference is. */
function hidden(message: string, taken: ReadonlyMap<string, string>): string {
  let shown = message;
  for (const [value, reference] of taken)
    if (value.length >= SECRET_CHARS_MIN) shown = shown.replaceAll(value, reference);
  return shown;
}
