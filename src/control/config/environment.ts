import type { Issue } from './problem.js';

/** `$${` writes a plain `${`. */
const REFERENCE = /\$\$\{|\$\{([^}]{0,256})\}/g;

/** What all references of a file may bring in, in characters: `${NAME}` a hundred thousand times adds up. */
const CHARACTERS_MAX = 4 * 1024 * 1024;

/** What was read of the environment: value → reference, and how much it came to. */
export interface Taken {
  readonly values: Map<string, string>;
  characters: number;
}

/**
 * Replaces `${NAME}` in every text of a parsed configuration. On values and not on the file's text, so that
 * what the environment holds can't become YAML. `taken` collects what was read: messages must not show it.
 */
export function readEnvironment(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  issues: Issue[],
  taken: Taken,
  path: readonly PropertyKey[] = [],
): unknown {
  if (typeof value === 'string') return replace(value, env, issues, taken, path);
  if (Array.isArray(value))
    return value.map((item, at) => readEnvironment(item, env, issues, taken, [...path, at]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      readEnvironment(item, env, issues, taken, [...path, key]),
    ]),
  );
}

function replace(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  issues: Issue[],
  taken: Taken,
  path: readonly PropertyKey[],
): string {
  return text.replaceAll(REFERENCE, (reference: string, name: string | undefined) => {
    if (name === undefined) return '${';
    const value = /^[A-Za-z_]\w*$/.test(name) ? env[name] : undefined;
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

function complaint(name: string, value: string | undefined): string {
  if (!/^[A-Za-z_]\w*$/.test(name))
    return `\${…} holds no variable name. Write \${NAME}, or $\${ for a plain \${.`;
  return value === ''
    ? `the environment variable ${name} is empty. Give it a value, or write the value here.`
    : `the environment variable ${name} is not set. Set it, or write the value here.`;
}
