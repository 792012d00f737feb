import { existsSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesUnder, readText, ROOT } from './sources.js';

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readText('package.json')) as Manifest;
const topPages = readdirSync(ROOT)
  .filter((name) => name.endsWith('.md'))
  .sort();
const pages = [
  ...topPages,
  ...filesUnder('docs', /\.md$/),
  ...filesUnder('examples', /\.md$/),
  'test/README.md',
];
const topNames = new Set(readdirSync(ROOT));

/** What npm itself does, without a script. */
const NPM_OWN = new Set([
  'ci',
  'install',
  'pack',
  'publish',
  'run',
  'exec',
  'audit',
  'init',
  'link',
  'view',
  'version',
  'i',
]);

describe('our Markdown', () => {
  it('has the pages that a repository needs', () => {
    expect(topPages).toEqual(
      expect.arrayContaining([
        'ARCHITECTURE.md',
        'CHANGELOG.md',
        'CONTRIBUTING.md',
        'README.md',
        'SECURITY.md',
      ]),
    );
  });

  it('ARCHITECTURE.md lists every decision', () => {
    const listed = new Set(links('ARCHITECTURE.md').map(({ path }) => path));
    const decisions = filesUnder('docs/decisions', /\.md$/);
    expect(decisions.filter((page) => !listed.has(page))).toEqual([]);
  });

  it('links to files and headings that exist', () => {
    const broken = pages.flatMap((page) =>
      links(page)
        .filter(
          ({ path, heading }) =>
            !existsSync(join(ROOT, path)) ||
            (heading !== undefined && path.endsWith('.md') && !headings(path).has(heading)),
        )
        .map(({ written }) => `${page}: ${written}`),
    );
    expect(broken, 'Mend the link, or write the page.').toEqual([]);
  });

  it('names paths that exist', () => {
    const gone = pages.flatMap((page) =>
      code(page)
        .flatMap(namedPaths)
        .filter((path) => !exists(path))
        .map((path) => `${page}: ${path}`),
    );
    expect(
      gone,
      'Name the file as it is called now. For a made-up example path, use one outside src, test, docs, bench and examples.',
    ).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const gone = pages.flatMap((page) =>
      [...readText(page).matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(test|start)\b)/g)]
        .map((match) => match[1] ?? match[2]!)
        .filter((script) => manifest.scripts[script] === undefined)
        .map((script) => `${page}: ${script}`),
    );
    expect(gone, 'Name a script of package.json.').toEqual([]);
  });

  it('names npm commands that npm has', () => {
    const odd = pages.flatMap((page) =>
      code(page)
        .flatMap((text) => [...text.matchAll(/(?:^|&&|[$`;])\s*npm ([a-z]+)/gm)])
        .map((match) => match[1]!)
        .filter((command) => !NPM_OWN.has(command) && manifest.scripts[command] === undefined)
        .map((command) => `${page}: npm ${command}`),
    );
    expect(odd, 'Name an npm command, or a script of package.json with npm run.').toEqual([]);
  });

  it('names doors that the package has', () => {
    const doors = new Set(Object.keys(manifest.exports).map((door) => posix.join('stickyroute', door)));
    const gone = pages.flatMap((page) =>
      code(page)
        .flatMap((text) => [
          ...text.matchAll(/(?<![\w/.@-])stickyroute\/[a-z-]+(?:\/[a-z-]+)*(?![\w-]*[./])/g),
        ])
        .map((match) => match[0])
        .filter((door) => !doors.has(door))
        .map((door) => `${page}: ${door}`),
    );
    expect(gone, 'Name a door of `exports` in package.json.').toEqual([]);
  });

  it('reaches every page of docs from the README', () => {
    const reached = new Set<string>();
    const visit = (page: string): void => {
      if (reached.has(page) || !page.endsWith('.md') || !existsSync(join(ROOT, page))) return;
      reached.add(page);
      for (const { path } of links(page)) visit(path);
    };
    visit('README.md');
    expect(
      pages.filter((page) => !reached.has(page)),
      'Link the page from the README, or from a page that is.',
    ).toEqual([]);
  });

  it("names no folder of anybody's machine", () => {
    const places = pages.flatMap((page) =>
      [...readText(page).matchAll(/(?<![\w.])\/(?:work|root|home\/\w+|Users\/\w+)\//g)].map(
        (match) => `${page}: ${match[0]}`,
      ),
    );
    expect(places, 'Write the path from the top of the checkout.').toEqual([]);
  });
});

describe('this test itself', () => {
  it('finds the paths in a piece of code', () => {
    expect(namedPaths('node dist/cli/main.js up -c examples/stickyroute.yaml')).toEqual([
      'dist/cli/main.js',
      'examples/stickyroute.yaml',
    ]);
    expect(namedPaths('src/route/affinity/header.ts')).toEqual(['src/route/affinity/header.ts']);
    expect(namedPaths('GET /api/users/:id text/plain stickyroute/placement 10.0.0.0/8')).toEqual([]);
  });
});

interface Link {
  readonly written: string;
  /** From the top of the checkout. */
  readonly path: string;
  readonly heading: string | undefined;
}

function links(page: string): Link[] {
  const text = readText(page)
    .replace(/^(```|~~~)[^]*?^\1/gm, '')
    .replace(/`[^`\n]*`/g, '``');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!)
    .filter((written) => !/^[a-z]+:/.test(written))
    .map((written) => {
      const [path, heading] = written.split('#', 2) as [string, string?];
      return {
        written,
        path: path === '' ? page : posix.normalize(posix.join(posix.dirname(page), path)),
        heading,
      };
    });
}

/** The anchors of a page, made as GitHub makes them. */
function headings(page: string): Set<string> {
  const lines = readText(page)
    .replace(/^(```|~~~)[^]*?^\1/gm, '')
    .matchAll(/^#{1,6} +(.+?) *#*$/gm);
  return new Set(
    [...lines].map((match) =>
      match[1]!
        .toLowerCase()
        .replace(/[`*]/g, '')
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** What stands between backticks, and the blocks. */
function code(page: string): string[] {
  return [
    ...readText(page)
      .replace(/^(```|~~~)[^]*?^\1/gm, '')
      .matchAll(/`([^`\n]+)`/g),
  ]
    .map((match) => match[1]!)
    .concat(codeBlocks(page));
}

function codeBlocks(page: string): string[] {
  return [...readText(page).matchAll(/^(```|~~~)(\w*)\n([^]*?)^\1/gm)]
    .filter((match) => ['', 'sh', 'bash', 'console', 'js', 'ts', 'yaml'].includes(match[2]!))
    .map((match) => match[3]!);
}

/** Words that start with a folder of ours; `…` and `<name>` are left out. */
function namedPaths(piece: string): string[] {
  return [...piece.matchAll(/(?<![\w/.:@-])(?:\.\/)?([\w.-]+\/[\w./*{},-]*)/g)]
    .map((match) => match[1]!.replace(/[.,:]+$/, ''))
    .filter((path) => /^(?:src|test|bench|docs|examples|dist|\.ci)\//.test(path))
    .filter((path) => !/[*{}<>]|\.\.\./.test(path));
}

function exists(path: string): boolean {
  // What is built stands where its source stands.
  if (path.startsWith('dist/'))
    return existsSync(join(ROOT, path.replace(/^dist\//, 'src/').replace(/\.(?:js|d\.ts)$/, '.ts')));
  return topNames.has(path.split('/')[0]!) && existsSync(join(ROOT, path));
}
