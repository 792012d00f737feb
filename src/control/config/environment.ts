import { resolve } from 'node:path';
import { readBounded } from './bounded-file.js';
import { reason } from './certificates.js';
import type { Issue } from './problem.js';

/** `$${` writes a plain `${`. */
const REFERENCE = /\$\$\{|\$\{([^}]{0,256})\}/g;

/** What all references of a file may bring in, in characters: `${NAME}` a hundred thousand times adds up. */
const CHARACTERS_MAX = 4 * 1024 * 1024;

/** A secret in a file, as Docker and Kubernetes mount them, is short. */
const FILE_BYTES_MAX = 64 * 1024;

const FILE = /^file:(.+)$/s;

/** Where references lead. */
export interface ReferenceOrigin {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of `${file:PATH}` start here. */
  readonly folder: string;
}

/** What was read of the environment: value → reference, and how much it came to. */
export interface Taken {
  readonly values: Map<string, string>;
  characters: number;
}

/**
 * Replaces `${NAME}` and `${file:PATH}` in every text of a parsed configuration. On values and not on the
 * file's text, so that what the environment holds can't become YAML. `taken` collects what was read: messages
 * must not show it.
 */
export function readEnvironment(
  value: unknown,
  around: ReferenceOrigin,
  issues: Issue[],
  taken: Taken,
  path: readonly PropertyKey[] = [],
): unknown {
  if (typeof value === 'string') return replace(value, around, issues, taken, path);
  if (Array.isArray(value))
    return value.map((item, at) => readEnvironment(item, around, issues, taken, [...path, at]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      readEnvironment(item, around, issues, taken, [...path, key]),
    ]),
  );
}

function replace(
  text: string,
  around: ReferenceOrigin,
  issues: Issue[],
  taken: Taken,
  path: readonly PropertyKey[],
): string {
  return text.replaceAll(REFERENCE, (reference: string, name: string | undefined) => {
    if (name === undefined) return '${';
    const value = valueOf(name, around, (message) => issues.push({ path, message }));
    if (value instanceof Untold) return '';
    if (value !== undefined && value !== '') {
      taken.characters += value.length;
      if (taken.characters <= CHARACTERS_MAX) {
        taken.values.set(value, reference);
        return value;
      }
      if (taken.characters - value.length <= CHARACTERS_MAX)
        issues.push({
          path,
          message: `the environment brings in more than ${CHARACTERS_MAX} characters. Refer to long values less often.`,
        });
      return '';
    }
    issues.push({ path, message: complaint(name, value) });
    return '';
  });
}

/** What was wrong has been said. */
class Untold {}

function valueOf(
  name: string,
  { env, folder }: ReferenceOrigin,
  complain: (message: string) => void,
): string | Untold | undefined {
  const file = FILE.exec(name)?.[1];
  if (file === undefined) return /^[A-Za-z_]\w*$/.test(name) ? env[name] : undefined;
  const path = resolve(folder, file);
  try {
    // Editors and `kubectl create secret --from-file` leave a line end behind the secret.
    const text = readBounded(path, FILE_BYTES_MAX)
      .toString('utf8')
      .replace(/\r?\n$/, '');
    if (text !== '') return text;
    complain(`names ${path}, which is empty. Write the value into it.`);
  } catch (error) {
    complain(`names ${path}, ${reason(error)}`);
  }
  return new Untold();
}

function complaint(name: string, value: string | undefined): string {
  if (!/^[A-Za-z_]\w*$/.test(name))
    return `\${…} holds no variable name. Write \${NAME}, \${file:PATH}, or $\${ for a plain \${.`;
  return value === ''
    ? `the environment variable ${name} is empty. Give it a value, or write the value here.`
    : `the environment variable ${name} is not set. Set it, or write the value here.`;
}
