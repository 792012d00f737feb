import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** Where Debian puts servers; not on every user's PATH. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The full path of a program (`nginx`, `redis-server`); undefined where this machine has none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_FOLDERS];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The full path of a program that the suite is only run with. */
export function program(name: string): string {
  const path = findProgram(name);
  if (path === undefined)
    throw new Error(
      `${name} is not installed. Put the suite inside skipUnless('${name}')(…), so that it is skipped with a reason.`,
    );
  return path;
}

/**
 * `describe` for suites that need real programs: where one is missing, the suite is skipped and its name says
 * why.
 */
export function skipUnless(...names: string[]): (title: string, body: () => void) => void {
  const missing = names.filter((name) => findProgram(name) === undefined);
  return (title, body) => {
    if (missing.length === 0) describe(title, body);
    else describe.skip(`${title} [skipped: not installed: ${missing.join(', ')}]`, body);
  };
}

/** The system's own Python, which Debian's modules belong to. */
export const PYTHON = '/usr/bin/python3';

/** The same for modules of Python. */
export function skipUnlessPython(...modules: string[]): (title: string, body: () => void) => void {
  const missing = modules.filter(
    (name) => spawnSync(PYTHON, ['-c', `import ${name}`], { stdio: 'ignore' }).status !== 0,
  );
  return skipWhere(missing.length === 0 ? undefined : `not installed: python3's ${missing.join(', ')}`);
}

/** The same for what isn't a program: `reason` says what is missing; undefined: nothing. */
export function skipWhere(reason: string | undefined): (title: string, body: () => void) => void {
  return (title, body) => {
    if (reason === undefined) describe(title, body);
    else describe.skip(`${title} [skipped: ${reason}]`, body);
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
