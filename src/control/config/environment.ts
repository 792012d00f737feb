import type { Issue } from './problem.js';

/** `$${` writes a plain `${`. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;

/**
 * Replaces `${NAME}` in every text of a parsed configuration. On values and not on the file's text, so that
 * what the environment holds can't become YAML. `taken` collects what was read: messages must not show it.
 */
export function readEnvironment(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  issues: Issue[],
  taken: Map<string, string>,
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
  taken: Map<string, string>,
  path: readonly PropertyKey[],
): string {
  return text.replaceAll(REFERENCE, (reference: string, name: string | undefined) => {
    if (name === undefined) return '${';
    const value = /^[A-Za-z_]\w*$/.test(name) ? env[name] : undefined;
    if (value !== undefined && value !== '') {
      taken.set(value, reference);
      return value;
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
