import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importedPath, readText, ROOT, source } from './sources.js';

/**
 * What every door of package.json exports, by name. The golden file is what a new version is measured by: a
 * name that goes or changes its kind there breaks somebody's program. Written anew by
 * `UPDATE_GOLDEN=1 npx vitest run test/house/doors.test.ts`.
 */
const GOLDEN = 'test/house/doors.json';

interface Exported {
  readonly name: string;
  readonly isType: boolean;
  /** The file that it comes from. */
  readonly from: string;
}

const manifest = JSON.parse(readText('package.json')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
};

const doors = Object.entries(manifest.exports).flatMap(([door, target]) => {
  if (typeof target === 'string') return [];
  const path = target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
  return [{ door: `stickyroute${door.slice(1)}`, path, file: source(path, readText(path)) }];
});

const LIST = /^export (type )?\{([^}]*)\} from '([^']+)';$/gm;

function exportsOf(path: string, code: string): Exported[] {
  return [...code.matchAll(LIST)].flatMap(([, type, names, from]) =>
    names!
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => ({
        name: name.replace(/^type /, ''),
        isType: type !== undefined || name.startsWith('type '),
        from: importedPath(path, from!)!,
      })),
  );
}

describe('doors', () => {
  it.each(doors)('$door is an index.ts that lists names and holds no code', ({ path, file }) => {
    expect(path, 'A door is the index.ts of its folder: point `exports` of package.json to it.').toMatch(
      /\/index\.ts$/,
    );
    expect(
      file.code.replace(LIST, '').trim(),
      `${path} is a door: only \`export { name } from\` and \`export type { Name } from\` stand there. Move the rest into a file of its own.`,
    ).toBe('');
    const names = exportsOf(path, file.code).map(({ name }) => name);
    expect(
      names.filter((name, at) => names.indexOf(name) !== at),
      `${path} lists a name twice.`,
    ).toEqual([]);
  });

  it('export what the golden file says, and nothing else', () => {
    const found = Object.fromEntries(
      doors.map(({ door, path, file }) => {
        const all = exportsOf(path, file.code);
        const sorted = (isType: boolean): string[] =>
          all
            .filter((one) => one.isType === isType)
            .map(({ name }) => name)
            .sort();
        return [door, { values: sorted(false), types: sorted(true) }];
      }),
    );
    const golden = join(ROOT, GOLDEN);
    if (process.env['UPDATE_GOLDEN'] !== undefined)
      writeFileSync(golden, `${JSON.stringify(found, null, 2)}\n`);
    expect(
      found,
      `What the doors export has changed. A new name: run \`UPDATE_GOLDEN=1 npx vitest run test/house/doors.test.ts\` and look at the difference. A name that goes or is renamed breaks its users' programs: say so in CHANGELOG.md.`,
    ).toEqual(JSON.parse(readFileSync(golden, 'utf8')));
  });

  it('export the options that their functions and methods take', () => {
    const missing = doors.flatMap(({ door, path, file }) => {
      const all = exportsOf(path, file.code);
      const names = new Set(all.map(({ name }) => name));
      return all.flatMap(({ name, from }) =>
        headsOf(name, source(from, readText(from)).bare)
          .flatMap((head) => head.match(/\b[A-Z]\w*(?:Options|Input|Subject|Promises|Call|Grant)\b/g) ?? [])
          .filter((type) => !names.has(type))
          .map((type) => `${door}: ${name} takes ${type}`),
      );
    });
    expect(
      [...new Set(missing)],
      'Whoever wraps the function has to name the type: export it from the same door.',
    ).toEqual([]);
  });
});

/** A function's head, or those of the public methods of a class or an interface. */
function headsOf(name: string, bare: string): string[] {
  const head = new RegExp(`^export (?:async )?function ${name}\\b[^]*?\\{$`, 'm').exec(bare);
  if (head !== null) return [head[0]];
  const body = new RegExp(`^export (?:class|interface) ${name}\\b[^]*?^\\}`, 'm').exec(bare)?.[0] ?? '';
  return body.match(/^  (?:async )?[a-z]\w*(?:<[^(]*>)?\([^]*?[{;]$/gm) ?? [];
}
