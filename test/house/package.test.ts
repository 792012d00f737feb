import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/processes.js';
import { readText, ROOT, sourcesUnder } from './sources.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readText('package.json')) as Manifest;
const doors = Object.entries(manifest.exports).filter(
  (entry): entry is [string, { types: string; default: string }] => typeof entry[1] === 'object',
);

/**
 * What a user gets: the packed tarball, unpacked into another folder beside its dependencies and nothing
 * else. `npm test` builds first; after a change in src run `npm run build` before this file.
 */
describe('the packed package', () => {
  let home = '';
  let packed = '';

  beforeAll(async () => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'stickyroute-package-')));
    // No scripts: `prepack` empties dist, which other tests run from.
    const pack = await run('npm', ['pack', '--ignore-scripts', '--pack-destination', home], {
      cwd: ROOT,
      deadlineMs: 60_000,
    });
    expect(pack.code, pack.stderr).toBe(0);
    packed = join(home, 'node_modules', manifest.name);
    mkdirSync(packed, { recursive: true });
    const tarball = readdirSync(home).find((name) => name.endsWith('.tgz'))!;
    const unpacked = await run('tar', ['-xzf', join(home, tarball), '-C', packed, '--strip-components=1']);
    expect(unpacked.code, unpacked.stderr).toBe(0);
    for (const name of Object.keys(manifest.dependencies)) link(name);
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
    );
  }, 90_000);

  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('holds the program, its texts, and nothing of the workshop', () => {
    expect(readdirSync(packed).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'examples',
      'package.json',
    ]);
    const files = readdirSync(join(packed, 'dist'), { recursive: true }).map(String);
    expect(files.filter((name) => /\.test\.|\.map$/.test(name))).toEqual([]);
    expect(files).toContain('dashboard/page.html');
    for (const file of Object.values(manifest.bin)) expect(existsSync(join(packed, file))).toBe(true);
  });

  it('opens every door in plain Node', async () => {
    for (const [door] of doors) {
      const name = `${manifest.name}${door.slice(1)}`;
      const opened = await node(
        `const door = await import(${JSON.stringify(name)}); console.log(Object.keys(door).length);`,
      );
      expect(opened.code, `${name}: ${opened.stderr}`).toBe(0);
      expect(
        Number(opened.stdout),
        `${name} exports nothing: export what it announces, or take it out of package.json.`,
      ).toBeGreaterThan(0);
    }
  });

  it('says what to install for a store in a file, which needs a package that few want', async () => {
    const opened = await node(
      "import { lmdbStore } from 'stickyroute/store/lmdb'; try { lmdbStore({ path: 'data' }); } catch ({ code, message }) { console.log(code, message); }",
    );
    expect(opened.stdout).toBe(
      'STICKY_STORE_MISUSED lmdbStore needs the package lmdb, which is not installed here. Install it in your app: npm install lmdb\n',
    );
    expect(existsSync(join(home, 'data'))).toBe(false);
  });

  it('gives every door its types', async () => {
    // The types of an optional peer come with it, or with a package that its users have.
    for (const name of ['@types/node', '@types/express', ...Object.keys(manifest.peerDependencies ?? {})])
      link(name);
    const lines = doors.map(
      ([door], at) =>
        `import * as door${at} from '${manifest.name}${door.slice(1)}';\nconsole.log(door${at});`,
    );
    writeFileSync(join(home, 'consumer.ts'), lines.join('\n'));
    const options = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--target',
      'ES2023',
      '--module',
      'NodeNext',
      '--types',
      'node',
    ];
    const checked = await run(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, 'consumer.ts'],
      { cwd: home },
    );
    expect(checked.code, checked.stdout).toBe(0);
  }, 60_000);

  it('runs its command', async () => {
    const help = await run(process.execPath, [join(packed, manifest.bin['stickyroute']!), '--help'], {
      cwd: home,
    });
    expect(help.code, help.stderr).toBe(0);
    expect(help.stdout).toMatch(/\bup\b[^]*\bvalidate\b[^]*\bexplain\b/);
    const version = await run(process.execPath, [join(packed, manifest.bin['stickyroute']!), '--version'], {
      cwd: home,
    });
    expect(version.stdout.trim()).toBe(manifest.version);
  });

  it('runs the first library example of the README, and prints what it says there', async () => {
    const example = [...readText('README.md').matchAll(/^```js\n([^]*?)^```/gm)]
      .map((match) => match[1]!)
      .find((code) => code.includes(`from '${manifest.name}`));
    expect(example, 'The README has no ```js block that imports from stickyroute.').toBeDefined();
    const ran = await node(example!);
    expect(ran.code, ran.stderr).toBe(0);
    const promised = [...example!.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]!.trim());
    expect(ran.stdout.trim().split('\n')).toEqual(promised);
  });

  function link(name: string): void {
    const at = join(home, 'node_modules', name);
    mkdirSync(dirname(at), { recursive: true });
    if (!existsSync(at)) symlinkSync(realpathSync(join(ROOT, 'node_modules', name)), at, 'dir');
  }

  async function node(code: string): ReturnType<typeof run> {
    const file = join(home, `${crypto.randomUUID()}.mjs`);
    writeFileSync(file, code);
    return await run(process.execPath, [file], { cwd: home });
  }
});

/** Peers whose objects users hand in; we know them by their methods alone. */
const HANDED_IN = ['@redis/client'];
/**
 * lmdb builds itself where none of its prebuilt packages fits. `npm ci --ignore-scripts`, as CI installs,
 * takes the prebuilt one. protobufjs only warns of a version.
 */
const NEEDLESS_SCRIPTS = ['node_modules/lmdb', 'node_modules/protobufjs'];

describe('the manifest', () => {
  it('has a source for every door', () => {
    const missing = doors
      .flatMap(([, { types, default: file }]) => [types, file])
      .filter((path) => {
        const at = path.replace(/^\.\/dist\//, 'src/').replace(/(\.d\.ts|\.js)$/, '.ts');
        return !existsSync(join(ROOT, at));
      });
    expect(missing, 'Write the file, or take the door out of `exports`.').toEqual([]);
  });

  it('names every package that src imports, and none that it does not', () => {
    const specifiers = sourcesUnder('src')
      // Built into one page, with what it needs: users install nothing for it.
      .filter(({ path }) => !path.startsWith('src/dashboard/'))
      .flatMap((file) => file.imports)
      .filter((name) => !/^(?:\.|node:)/.test(name));
    const imported = new Set(specifiers.map(packageOf));
    const named = new Set([
      ...Object.keys(manifest.dependencies),
      ...Object.keys(manifest.peerDependencies ?? {}),
    ]);
    expect(
      [...imported].filter((name) => !named.has(name)),
      'Add the package to `dependencies`; look at it first.',
    ).toEqual([]);
    expect(
      [...named].filter((name) => !imported.has(name) && !HANDED_IN.includes(name)),
      'Nothing in src needs it: take it out.',
    ).toEqual([]);
  });

  it('locks versions without naming where they come from, and needs no install scripts', () => {
    const lock = JSON.parse(readText('package-lock.json')) as {
      packages: Record<
        string,
        {
          resolved?: string;
          integrity?: string;
          hasInstallScript?: boolean;
          optional?: boolean;
          link?: boolean;
        }
      >;
    };
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(
      packages.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path),
      'Keep omit-lockfile-registry-resolved in .npmrc, and run npm install again.',
    ).toEqual([]);
    expect(packages.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path)).toEqual([]);
    expect(
      packages
        .filter(
          ([path, entry]) =>
            entry.hasInstallScript === true && entry.optional !== true && !NEEDLESS_SCRIPTS.includes(path),
        )
        .map(([path]) => path),
      'Everything must install with --ignore-scripts.',
    ).toEqual([]);
  });
});

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
