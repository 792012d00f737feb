import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importedPath, places, ROOT, source, sourcesUnder, type Source } from './sources.js';

const sources = sourcesUnder('src');

/** The page has the clock of its browser. */
const BROWSER_TIME = 'src/dashboard/browser-time.ts:';

/** What each folder of src may import, of ours. Folders that aren't named may import anything but `cli`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  route: ['base'],
  state: ['base'],
  proxy: ['route', 'base'],
  client: ['route', 'base'],
  interop: ['control', 'proxy', 'route', 'base'],
};

const INSTEAD: Readonly<Record<string, string>> = {
  interop: 'interop translates configurations: it knows ours, and nobody but cli knows it.',
  base: 'base stands under everything: move what you need into base, or take it as an argument.',
  route:
    'route is pure: take sockets, clocks, randomness and configuration as arguments, behind an interface in route.',
  state:
    'state knows nothing of routing: take what it needs as an argument, or move what is shared into base.',
  proxy: 'proxy moves bytes: let control put the parts together and hand proxy what it needs.',
  client:
    "client runs inside other people's services: it takes the router and nothing of the gateway. Move what is shared into base.",
};

describe('the layers of src', () => {
  it.each(Object.keys(MAY_IMPORT))('%s imports only what stands below it', (layer) => {
    const allowed = [layer, ...MAY_IMPORT[layer]!];
    expect(
      strayImports(
        (from) => from === layer,
        (to) => !allowed.includes(to),
      ),
      INSTEAD[layer]!,
    ).toEqual([]);
  });

  it('nobody imports cli', () => {
    expect(
      strayImports(
        (from) => from !== 'cli',
        (to) => to === 'cli',
      ),
      'cli is the outermost room: move what is shared into control.',
    ).toEqual([]);
  });

  it('dashboard runs in a browser: it imports types of ours, and nothing that runs', () => {
    const running = sources
      .filter((file) => isIn(file, ['dashboard']))
      .flatMap((file) =>
        places(file.path, file.code, /^(?:import|export) (?!type )[^;]*? from '\.\.\/[^']*'/gm),
      );
    expect(running, 'Ask the admin API for it, or import its type.').toEqual([]);
    expect(
      strayImports(
        (from) => from !== 'dashboard',
        (to) => to === 'dashboard',
      ),
    ).toEqual([]);
  });

  it('only tests import testing', () => {
    expect(
      strayImports(
        (from) => from !== 'testing',
        (to) => to === 'testing',
      ),
      'What the product needs does not belong in testing: move it into base.',
    ).toEqual([]);
  });

  it('every relative import leads to a file, by its .js name', () => {
    const dangling = sourcesUnder('src', { tests: true }).flatMap((file) =>
      file.imports
        .filter((specifier) => specifier.startsWith('.'))
        .filter(
          (specifier) =>
            !specifier.endsWith('.js') || !existsSync(join(ROOT, importedPath(file.path, specifier)!)),
        )
        .map((specifier) => `${file.path} imports ${specifier}`),
    );
    expect(dangling, "write the import as the built file's name, with .js").toEqual([]);
  });

  it('no files import each other in a circle', () => {
    expect(findCycle(sources), 'Take the part that both need into a file of its own.').toEqual([]);
  });
});

describe('what reaches the code only as an argument', () => {
  it('the time and chance come from base', () => {
    const pattern =
      /\b(?:Date\.now|Math\.random|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate)\b|\bAbortSignal\.timeout\b|\bnew Date\(\s*\)|\bDate\(\s*\)/g;
    expect(
      stray(pattern, ['base', 'testing']).filter((place) => !place.startsWith(BROWSER_TIME)),
      'Take a Clock (src/base/clock.ts) or a Random (src/base/random.ts) as an argument, so that tests run on virtual time and replay from a seed.',
    ).toEqual([]);
    expect('setImmediate(f); AbortSignal.timeout(1); clock.after(1, f)'.match(pattern)).toEqual([
      'setImmediate',
      'AbortSignal.timeout',
    ]);
    const modules = sources.filter(
      (file) => !isIn(file, ['base', 'testing']) && file.imports.some((name) => /^(node:)?timers/.test(name)),
    );
    expect(
      modules.map((file) => file.path),
      'Take a Clock (src/base/clock.ts) as an argument instead of node:timers.',
    ).toEqual([]);
  });

  it('numbers in texts are read digit by digit', () => {
    expect(
      stray(/\bparse(?:Int|Float)\b/g, ['testing']),
      'Take wholeNumber (src/base/digits.ts): parseInt stops at the first byte that it does not know, and requests were smuggled behind it.',
    ).toEqual([]);
  });

  it('route opens nothing and draws nothing', () => {
    const outside =
      /^(node:)?(net|tls|http|https|http2|dgram|dns|fs|child_process|worker_threads|cluster)(\/|$)/;
    const opened = sources
      .filter((file) => isIn(file, ['route']))
      .flatMap((file) =>
        file.imports.filter((name) => outside.test(name)).map((name) => `${file.path} imports ${name}`),
      );
    expect(opened, INSTEAD['route']!).toEqual([]);
    const drawn = sources
      .filter((file) => isIn(file, ['route']))
      .flatMap((file) =>
        places(
          file.path,
          file.bare,
          /\b(?:randomBytes|randomInt|randomUUID|randomFill|randomFillSync|getRandomValues)\b/g,
        ),
      );
    expect(drawn, 'Take a Random (src/base/random.ts) as an argument.').toEqual([]);
  });

  it('no text is run as code', () => {
    expect(
      stray(/\beval\s*\(|\bnew Function\b|(?<![.\w])Function\s*\(/g, []),
      'Parse the text (JSON.parse, zod, a parser of ours).',
    ).toEqual([]);
  });
});

describe('this test itself', () => {
  it('sees through comments, strings and templates', () => {
    const file = source(
      'src/route/x.ts',
      [
        "import type { A } from '../base/a.js'; // from './no.js'",
        "export { b } from './b.js';",
        'const text = "from \'./not.js\'" + `setTimeout ${setTimeout(() => /[\'"`]/.test(`}`), 1)} Date.now`;',
        "const late = await import('./late.js'); /* Math.random() */",
        'const half = text.length / 2; // eval(',
      ].join('\n'),
    );
    expect(file.imports).toEqual(['../base/a.js', './b.js', './late.js']);
    expect(places(file.path, file.bare, /setTimeout|Date\.now|Math\.random|eval/g)).toEqual([
      'src/route/x.ts:3  setTimeout',
    ]);
  });

  it('finds a circle', () => {
    const circle = [
      source('src/a.ts', "import './b.js'"),
      source('src/b.ts', "import './c.js'"),
      source('src/c.ts', "import './b.js'"),
    ];
    expect(findCycle(circle)).toEqual(['src/b.ts', 'src/c.ts', 'src/b.ts']);
  });
});

function layerOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? '';
}

function isIn(file: Source, layers: readonly string[]): boolean {
  return layers.includes(layerOf(file.path));
}

function strayImports(from: (layer: string) => boolean, to: (layer: string) => boolean): string[] {
  return sources
    .filter((file) => from(layerOf(file.path)))
    .flatMap((file) =>
      file.imports.flatMap((specifier) => {
        const path = importedPath(file.path, specifier);
        return path !== undefined && to(layerOf(path)) ? [`${file.path} imports ${path}`] : [];
      }),
    );
}

function stray(pattern: RegExp, allowed: readonly string[]): string[] {
  return sources
    .filter((file) => !isIn(file, allowed))
    .flatMap((file) => places(file.path, file.bare, pattern));
}

/**
 * One circle of imports, as the files on it; empty when there is none. Types count: a circle is hard to read
 * either way.
 */
function findCycle(files: readonly Source[]): string[] {
  const edges = new Map(
    files.map((file) => [file.path, file.imports.flatMap((name) => importedPath(file.path, name) ?? [])]),
  );
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of edges.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of edges.keys()) {
    const cycle = visit(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
