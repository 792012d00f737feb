import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Sorts the files of tests by what they need. A file that reaches `node:child_process`, over any import of
 * ours below `test/`, starts programs; so does one that asks for a built `dist`. The others need nothing but
 * Node and run side by side.
 */
export function sortTests(root: string): { readonly quick: string[]; readonly programs: string[] } {
  const files = ['src', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts'))
      .map((path) => `${folder}/${path}`.replaceAll('\\', '/')),
  );
  const known = new Map<string, boolean>();
  const startsPrograms = (path: string): boolean => {
    const before = known.get(path);
    if (before !== undefined) return before;
    known.set(path, false); // a circle adds nothing
    const text = readFileSync(path, 'utf8');
    const answer =
      /from 'node:(?:child_process|cluster|worker_threads)'/.test(text) ||
      // A page of the docs as a program, which imports the package by its name.
      /\bimport\(pathToFileURL\(/.test(text) ||
      [...text.matchAll(/^(?:import|export|\}).* from '(\.[^']*)\.js';$/gm)].some(([, specifier]) => {
        const imported = resolve(dirname(path), `${specifier}.ts`);
        return imported.startsWith(join(root, 'test')) && existsSync(imported) && startsPrograms(imported);
      });
    known.set(path, answer);
    return answer;
  };
  const programs = files.filter((path) => startsPrograms(join(root, path)));
  return { quick: files.filter((path) => !programs.includes(path)), programs };
}
