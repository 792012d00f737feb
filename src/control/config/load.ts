import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StickyError } from '../../base/errors.js';
import { filesOf, reason } from './certificates.js';
import { complete } from './completion.js';
import type { Config } from './config.js';
import { parseText, type ConfigDocument } from './document.js';
import { readEnvironment } from './environment.js';
import { ConfigError, pathText, type ConfigProblem, type Issue } from './problem.js';

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
}

/**
 * Reads a YAML or JSON file. Throws ConfigError (STICKY_CONFIG_INVALID) with every problem in it, or
 * StickyError (STICKY_CONFIG_UNREADABLE) when there is no text to read.
 */
export function loadConfig(file: string, env: Environment, folder: string): Config {
  const path = resolve(folder, file);
  return parseConfig(readText(path, file), { source: file, folder: dirname(path), env });
}

/** A configuration from YAML or JSON text. `${NAME}` reads `env`. */
export function parseConfig(text: string, origin: TextOrigin): Config {
  const document = parseText(text);
  if (document.value === undefined) throw new ConfigError(document.problems, origin.source);
  const taken = new Map<string, string>();
  const missing: Issue[] = [];
  const value = readEnvironment(document.value, origin.env, missing, taken);
  const issues: Issue[] = [];
  const config = complete(value, filesOf(origin.folder), issues);
  // What a missing variable leaves behind is empty; the schema's complaint about that says nothing new.
  const news = issues.filter(
    (issue) => !missing.some(({ path }) => path.every((part, at) => issue.path[at] === part)),
  );
  const problems = [
    ...document.problems,
    ...[...missing, ...news].map((issue) => placed(issue, document, taken)),
  ];
  if (problems.length > 0 || config === undefined) throw new ConfigError(inOrder(problems), origin.source);
  return config;
}

/**
 * A configuration from a plain object, as code writes it. `${NAME}` means nothing here; relative paths start
 * at `folder`.
 */
export function readConfig(value: unknown, folder: string = process.cwd(), source?: string): Config {
  const issues: Issue[] = [];
  const config = complete(value, filesOf(folder), issues);
  if (config === undefined) {
    throw new ConfigError(
      issues.map(({ path, message }) => ({ path: pathText(path), message })),
      source,
    );
  }
  return config;
}

function readText(path: string, shown: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const { size } = fstatSync(descriptor);
    if (size <= FILE_BYTES_MAX) return readFileSync(descriptor, 'utf8');
  } catch (error) {
    throw new StickyError(
      'STICKY_CONFIG_UNREADABLE',
      `Can't use the configuration ${shown}, ${reason(error, 'the working folder')}`,
      { cause: error },
    );
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  throw new StickyError(
    'STICKY_CONFIG_UNREADABLE',
    `Can't use the configuration ${shown}, which has more than ${FILE_BYTES_MAX} bytes. Is it the right file?`,
  );
}

function placed(
  { path, message }: Issue,
  document: ConfigDocument,
  taken: ReadonlyMap<string, string>,
): ConfigProblem {
  let shown = message;
  for (const [value, reference] of taken)
    if (value.length >= SECRET_CHARS_MIN) shown = shown.replaceAll(value, reference);
  return { path: pathText(path), message: shown, ...document.locate(path) };
}

/** As they stand in the file. */
function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
