import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readText, ROOT } from '../house/sources.js';
import { freePort } from '../support/ports.js';
import { run, start } from '../support/processes.js';
import { findProgram } from '../support/programs.js';
import { request } from '../support/raw-client.js';
import { startRedis } from '../support/redis.js';
import { blocksIn, type Block } from './blocks.js';

/** A folder of a user's, where the package is installed, with what it may be used with. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stickyroute-docs-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  symlinkSync(ROOT, join(modules, 'stickyroute'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = {
  STICKYROUTE_KEY: 'an example key of 32 characters!',
  SESSION_SECRET: 'an example secret of some length',
};

const programs = blocksIn('js').filter(({ isFragment }) => !isFragment);
const servers = programs.filter(({ text }) => /\blisten\(\d+|listen: \d+/.test(text));
const needRedis = programs.filter(({ text }) => text.includes(':6379'));

describe('a js block, as printed', () => {
  it.each(programs.filter((block) => !servers.includes(block) && !needRedis.includes(block)))(
    '$at runs, and prints what it says',
    async (block) => {
      await runs(block.text, block);
    },
  );

  it.each(servers)('$at serves', async (block) => {
    const port = await freePort();
    const written = Number(/\blisten\((\d+)|listen: (\d+)/.exec(block.text)!.slice(1).find(Boolean));
    const server = start(
      process.execPath,
      [fileOf(block, block.text.replaceAll(String(written), String(port)))],
      {
        cwd: folder,
        env,
      },
    );
    await server.waitForPort(port);
    const answer = await request(port, { target: '/' });
    // Its upstreams, where it has some, don't run here.
    expect([200, 404, 503]).toContain(answer.status);
    await server.stop();
  });

  it.each(needRedis)('$at runs with Redis', async (block) => {
    if (findProgram('redis-server') === undefined) return;
    const redis = await startRedis();
    const code = `${block.text.replace(':6379', `:${redis.port}`)}\nsetTimeout(() => process.exit(0), 200);\n`;
    await runs(code, block);
  });

  it.each(blocksIn('js').filter(({ isFragment }) => isFragment))(
    '$at is a piece that parses',
    async (block) => {
      const checked = await run(process.execPath, ['--check', fileOf(block, block.text)], { cwd: folder });
      expect(checked.code, checked.stderr).toBe(0);
    },
  );
});

describe('a ts block, as printed', () => {
  it.each(blocksIn('ts').flatMap((block) => ['ts', 'd.ts'].map((ending) => ({ ...block, ending }))))(
    '$at compiles as a .$ending file of an app',
    async (block) => {
      const file = fileOf(block, block.text, block.ending);
      const options = [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--types',
        'node',
      ];
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const compiled = await run(process.execPath, [tsc, '--ignoreConfig', ...options, file], {
        cwd: folder,
      });
      expect(compiled.code, compiled.stdout).toBe(0);
    },
  );
});

describe('pages that show errors', () => {
  it('name every door of the package that they import from', () => {
    const doors = Object.keys((JSON.parse(readText('package.json')) as { exports: object }).exports);
    const imported = [...blocksIn('js', 'ts')].flatMap(({ at, text }) =>
      [...text.matchAll(/from '(stickyroute[^']*)'/g)].map(([, name]) => ({ at, name: name! })),
    );
    const odd = imported.filter(({ name }) => !doors.includes(name.replace('stickyroute', '.')));
    expect(odd).toEqual([]);
  });
});

function fileOf(block: Block, code: string, ending = 'mjs'): string {
  const file = join(folder, `${block.at.replace(/[/.:]/g, '-')}.${ending}`);
  writeFileSync(file, code);
  return file;
}

/** Ends well, and prints what stands behind `// →`, line by line. */
async function runs(code: string, block: Block): Promise<void> {
  const ran = await run(process.execPath, [fileOf(block, code)], { cwd: folder, env });
  expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
  const promised = [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]!.trim());
  if (promised.length > 0) expect(ran.stdout.trim().split('\n')).toEqual(promised);
}
